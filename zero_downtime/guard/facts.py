"""What the plan has to know: gathered from the migration graph and the database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import CreateModel, Migration, RenameModel
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from zero_downtime import conf
from zero_downtime.guard.inference import inferred_phase
from zero_downtime.guard.phase import Phase, declared_phase
from zero_downtime.guard.plan import Facts, MigrationKey, PlannedMigration
from zero_downtime.guard.safety import Users
from zero_downtime.guard.substitution import can_be_substituted, substitutes
from zero_downtime.guard.survey import Survey
from zero_downtime.lint.findings import Finding, errors
from zero_downtime.lint.model_states import db_table
from zero_downtime.models import Transition
from zero_downtime.operations import BackfillField
from zero_downtime.operations.backfill_operation import (
    backfill_name,
    backfill_operations,
    follower_name,
    is_small,
)
from zero_downtime.operations.base import flattened
from zero_downtime.operations.transition_steps import Contract, Expand, Switch, TransitionStep
from zero_downtime.postgres import catalog
from zero_downtime.transitions import gates, phases
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.unused import ModelKey


def planned(
    loader: MigrationLoader, migrations: Sequence[Migration], surveyed: Survey
) -> list[PlannedMigration]:
    """Describe unapplied migrations for the plan.

    Raises:
        Refused: one of them declares a phase that there is not; with exit code 2.
    """
    found: dict[MigrationKey, PlannedMigration] = {}
    for migration in migrations:
        key = (migration.app_label, migration.name)
        parents = [each.key for each in loader.graph.node_map[key].parents if each.key in found]
        follows_contract = any(found[each].phase is Phase.CONTRACT for each in parents)
        found[key] = PlannedMigration(
            key=key,
            expands=list(_transition_keys(migration, Expand)),
            switches=list(_transition_keys(migration, Switch)),
            contracts=list(_transition_keys(migration, Contract)),
            depends_on=parents,
            phase=declared_phase(migration)
            or inferred_phase(surveyed.steps.get(key, ()), follows_contract=follows_contract),
        )
    return list(found.values())


def gather(
    connection: BaseDatabaseWrapper,
    executor: MigrationExecutor,
    migrations: Sequence[Migration],
    surveyed: Survey,
    *,
    is_new: bool,
) -> Facts:
    """Ask the database about what stands in `migrations`, and was seen in them."""
    gated = [
        key
        for migration in migrations
        for kind in (Switch, Contract)
        for key in _transition_keys(migration, kind)
    ]
    users = Users(connection, surveyed.former_names)
    noticed = {
        key: [finding for finding in findings if users.notice(finding)]
        for key, findings in surveyed.findings.items()
    }
    replaced = _substitutes(noticed)
    return Facts(
        unused=_unused(connection, executor, migrations, {key.model for key in gated}),
        closed_gates=_closed_gates(connection, gated, migrations),
        findings=_unsafe(noticed, replaced),
        substitutes=replaced,
        is_new=is_new,
    )


def _substitutes(
    noticed: Mapping[MigrationKey, Sequence[Finding]],
) -> dict[MigrationKey, Mapping[int, Sequence[Operation]]]:
    labels = conf.get("SUBSTITUTE")
    found = {key: substitutes(each) for key, each in noticed.items() if key[0] in labels}
    return {key: operations for key, operations in found.items() if operations}


def _unsafe(
    noticed: Mapping[MigrationKey, Sequence[Finding]], replaced: Collection[MigrationKey]
) -> dict[MigrationKey, Sequence[Finding]]:
    """Return what is left to be said of each migration when safe operations are in place."""
    left = {
        key: [
            finding
            for finding in errors(findings)
            if not (key in replaced and can_be_substituted(finding))
        ]
        for key, findings in noticed.items()
    }
    return {key: findings for key, findings in left.items() if findings}


def _unused(
    connection: BaseDatabaseWrapper,
    executor: MigrationExecutor,
    migrations: Sequence[Migration],
    gated: Collection[ModelKey],
) -> set[ModelKey]:
    """Return those models whose transitions end, or whose rows are moved, and that have none."""
    models = {
        *gated,
        *(
            (migration.app_label, operation.model_name.lower())
            for migration in migrations
            for operation in backfill_operations(migration)
        ),
    }
    if not models:
        return set()
    tables = {**_created_tables(migrations), **_applied_tables(executor)}
    return {model for model in models if model in tables and _is_empty(connection, tables[model])}


def _transition_keys(migration: Migration, kind: type[TransitionStep]) -> Iterator[TransitionKey]:
    for operation in flattened(migration.operations):
        if isinstance(operation, kind):
            yield operation.transition_key(migration.app_label)


def _created_tables(migrations: Sequence[Migration]) -> dict[ModelKey, str]:
    """Return the tables that `migrations` create, by all the names their models go through."""
    tables: dict[ModelKey, str] = {}
    for migration in migrations:
        app_label = migration.app_label
        for operation in flattened(migration.operations):
            if isinstance(operation, CreateModel):
                model = ModelState(app_label, operation.name, [], dict(operation.options))
                tables[app_label, operation.name_lower] = db_table(model)
            elif (
                isinstance(operation, RenameModel)
                and (app_label, operation.old_name_lower) in tables
            ):
                table = tables[app_label, operation.old_name_lower]
                tables[app_label, operation.new_name_lower] = table
    return tables


def _applied_tables(executor: MigrationExecutor) -> dict[ModelKey, str]:
    """Return the tables of the models that the applied migrations amount to."""
    loader = executor.loader
    state = ProjectState(real_apps=loader.unmigrated_apps)
    for migration, _ in executor.migration_plan(loader.graph.leaf_nodes(), clean_start=True):
        if (migration.app_label, migration.name) in loader.applied_migrations:
            migration.mutate_state(state, preserve=False)
    return {key: db_table(model) for key, model in state.models.items()}


def _is_empty(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Whether the table has no rows, or is not there yet.

    One that this run is about to create may be there all the same, with `--fake-initial`.
    """
    return not (catalog.table_exists(connection, table) and catalog.has_rows(connection, table))


def _closed_gates(
    connection: BaseDatabaseWrapper,
    gated: Sequence[TransitionKey],
    migrations: Sequence[Migration],
) -> dict[TransitionKey, str]:
    closed: dict[TransitionKey, str] = {}
    if not catalog.table_exists(connection, Transition._meta.db_table):
        return closed  # nothing has begun
    for key in gated:
        transition = phases.find(connection, key)
        if transition is None:
            continue
        reason = _comes_after_backfill(connection, transition, migrations) or gates.why_closed(
            connection, transition
        )
        if reason is not None:
            closed[key] = reason
    return closed


def _comes_after_backfill(
    connection: BaseDatabaseWrapper, transition: Transition, migrations: Sequence[Migration]
) -> str | None:
    """Return what to do first if this run registers a backfill for the transition."""
    for migration in migrations:
        for operation in backfill_operations(migration):
            if not isinstance(operation, BackfillField):
                continue
            if not operation.fills(transition, migration.app_label):
                continue
            name = backfill_name(operation, migration.app_label)
            names = [name] if not is_small(connection, transition.table) else []
            names += [
                follower_name(name, follower)
                for follower in transition.followers.using(connection.alias).order_by("pk")
                if not is_small(connection, follower.table)
            ]
            if names:
                return (
                    "its backfill is registered in this same run. "
                    f"Run: manage.py backfill {' '.join(names)}; then: manage.py migrate"
                )
    return None
