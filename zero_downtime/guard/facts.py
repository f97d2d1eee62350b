"""What the plan has to know: gathered from the migration graph and the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import CreateModel, Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from zero_downtime.guard.plan import Facts, PlannedMigration
from zero_downtime.lint.model_states import table_name
from zero_downtime.operations import ContractRenameField, ExpandRenameField
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
    created = {
        (migration.app_label, operation.name_lower)
        for migration in migrations
        for operation in flattened(migration.operations)
        if isinstance(operation, CreateModel)
    }
    unused = {key for key in contracts if _is_unused(connection, key, state, created)}
    return Facts(unused=unused, closed_gates=_closed_gates(connection, contracts))


def _transition_keys(
    migration: Migration, kind: type[ExpandRenameField | ContractRenameField]
) -> Iterator[TransitionKey]:
    for operation in flattened(migration.operations):
        if isinstance(operation, kind):
            yield operation.transition_key(migration.app_label)


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
    connection: BaseDatabaseWrapper, contracts: Sequence[TransitionKey]
) -> dict[TransitionKey, str]:
    closed = {}
    for key in contracts:
        transition = phases.find(connection, key)
        reason = None if transition is None else gates.why_closed(connection, transition)
        if reason is not None:
            closed[key] = reason
    return closed
