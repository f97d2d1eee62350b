"""What the plan has to know: gathered from the migration graph and the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import CreateModel, Migration, RenameModel
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from zero_downtime.guard.plan import Facts, PlannedMigration
from zero_downtime.lint.model_states import table_name
from zero_downtime.models import Transition
from zero_downtime.operations import BackfillField, ContractRenameField, ExpandRenameField
from zero_downtime.operations.backfill_operation import (
    backfill_name,
    backfill_operations,
    is_small,
)
from zero_downtime.operations.base import flattened
from zero_downtime.postgres import catalog
from zero_downtime.transitions import gates, phases
from zero_downtime.transitions.phases import TransitionKey


def planned(loader: MigrationLoader, migrations: Sequence[Migration]) -> list[PlannedMigration]:
    """Describe unapplied migrations for the plan."""
    keys = {(migration.app_label, migration.name) for migration in migrations}
    return [
        PlannedMigration(
            key=(migration.app_label, migration.name),
            expands=list(_transition_keys(migration, ExpandRenameField)),
            contracts=list(_transition_keys(migration, ContractRenameField)),
            depends_on=[
                parent.key
                for parent in loader.graph.node_map[migration.app_label, migration.name].parents
                if parent.key in keys
            ],
        )
        for migration in migrations
    ]


def gather(
    connection: BaseDatabaseWrapper, executor: MigrationExecutor, migrations: Sequence[Migration]
) -> Facts:
    """Ask the database about the transitions that `migrations` would contract."""
    contracts = [
        key for migration in migrations for key in _transition_keys(migration, ContractRenameField)
    ]
    if not contracts:
        return Facts()
    state = _applied_state(executor)
    created = _created_models(migrations)
    unused = {key for key in contracts if _is_unused(connection, key, state, created)}
    return Facts(unused=unused, closed_gates=_closed_gates(connection, contracts, migrations))


def _transition_keys(
    migration: Migration, kind: type[ExpandRenameField | ContractRenameField]
) -> Iterator[TransitionKey]:
    for operation in flattened(migration.operations):
        if isinstance(operation, kind):
            yield operation.transition_key(migration.app_label)


def _created_models(migrations: Sequence[Migration]) -> set[tuple[str, str]]:
    """Return the models that `migrations` create, by all the names they go through."""
    created = set()
    for migration in migrations:
        for operation in flattened(migration.operations):
            if isinstance(operation, CreateModel):
                created.add((migration.app_label, operation.name_lower))
            elif (
                isinstance(operation, RenameModel)
                and (migration.app_label, operation.old_name_lower) in created
            ):
                created.add((migration.app_label, operation.new_name_lower))
    return created


def _applied_state(executor: MigrationExecutor) -> ProjectState:
    """Return the state that the applied migrations amount to."""
    loader = executor.loader
    state = ProjectState(real_apps=loader.unmigrated_apps)
    for migration, _ in executor.migration_plan(loader.graph.leaf_nodes(), clean_start=True):
        if (migration.app_label, migration.name) in loader.applied_migrations:
            migration.mutate_state(state, preserve=False)
    return state


def _is_unused(
    connection: BaseDatabaseWrapper,
    key: TransitionKey,
    state: ProjectState,
    created: set[tuple[str, str]],
) -> bool:
    """Whether no running code can be using the table: it is empty, or this run creates it."""
    model = state.models.get((key.app_label, key.model_name))
    if model is None:
        return (key.app_label, key.model_name) in created
    table = table_name(model)
    return not (catalog.table_exists(connection, table) and catalog.has_rows(connection, table))


def _closed_gates(
    connection: BaseDatabaseWrapper,
    contracts: Sequence[TransitionKey],
    migrations: Sequence[Migration],
) -> dict[TransitionKey, str]:
    closed = {}
    for key in contracts:
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
            if (
                isinstance(operation, BackfillField)
                and operation.fills(transition, migration.app_label)
                and not is_small(connection, transition.table)
            ):
                name = backfill_name(operation, migration.app_label)
                return (
                    f"its backfill is registered in this same run. Run: manage.py backfill {name}; "
                    "then: manage.py migrate"
                )
    return None
