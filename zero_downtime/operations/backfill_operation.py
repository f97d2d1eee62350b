"""What the operations that move rows share: registering, running at once, being found by name.

On a table that is small, or that nobody uses yet, the rows are moved while `migrate` runs. On a
large one the backfill is registered and `manage.py backfill` moves them, while the gate holds back
what depends on it. A backfill is called `app.migration`, or `app.migration.N` when a migration
holds several. Where others follow it, their backfills have its name and their field's, as in
`app.migration:app.model.field`.
"""

from __future__ import annotations

from abc import abstractmethod

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import OperationCategory
from django.db.migrations.state import ProjectState, StateApps

from zero_downtime import conf
from zero_downtime.backfills import controls, registry
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.statuses import Status
from zero_downtime.backfills.work import Work
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill, Transition
from zero_downtime.operations.base import (
    Repeatable,
    flattened,
    historical_model,
    is_postgresql,
    migration_holding,
    model_in_state,
    require_no_transaction,
    state_before,
)
from zero_downtime.postgres import catalog
from zero_downtime.transitions.filling import filling
from zero_downtime.transitions.unused import ModelKey, is_unused

_FOLLOWED_BY = ":"


class BackfillOperation(Repeatable):
    """An operation that moves the rows of one table."""

    category = OperationCategory.PYTHON
    reduces_to_sql = False
    model_name: str

    @abstractmethod
    def work(
        self, app_label: str, connection: BaseDatabaseWrapper, apps: StateApps
    ) -> tuple[Work, Transition | None]:
        """Return what is done to each batch, and the transition that waits for it, if any."""

    def followers(self, app_label: str, connection: BaseDatabaseWrapper) -> list[Transition]:
        """Return transitions that follow the one in question, with rows to move of their own."""
        return []

    @abstractmethod
    def run_without_postgresql(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, apps: StateApps
    ) -> None:
        """Do the same in one go, on a database that has no backfills."""

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing, but say now if the model does not exist."""
        model_in_state(state, app_label, self.model_name)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Register the backfill; move the rows at once if they are few, or nobody uses them."""
        model = historical_model(self, schema_editor, from_state.apps, app_label, self.model_name)
        if model is None:
            return
        if not is_postgresql(schema_editor):
            self.run_without_postgresql(app_label, schema_editor, from_state.apps)
            return
        require_no_transaction(self, schema_editor)
        connection = schema_editor.connection
        work, transition = self.work(app_label, connection, from_state.apps)
        name = backfill_name(self, app_label)
        _move(connection, name, (app_label, self.model_name), work, transition)
        for follower in self.followers(app_label, connection):
            key = follower.app_label, follower.model_name
            _move(connection, follower_name(name, follower), key, filling(follower), follower)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Forget the backfill; the rows stay as they are."""
        if is_postgresql(schema_editor):
            connection, name = schema_editor.connection, backfill_name(self, app_label)
            for follower in self.followers(app_label, connection):
                registry.unregister(connection, follower_name(name, follower))
            registry.unregister(connection, name)

    def references_model(self, name: str, app_label: str) -> bool:
        """Whether the operation needs that model."""
        return name.lower() == self.model_name.lower()


def _move(
    connection: BaseDatabaseWrapper,
    name: str,
    model: ModelKey,
    work: Work,
    transition: Transition | None,
) -> None:
    backfill = registry.register(connection, name, work.table, transition)
    if moves_at_once(connection, model, work.table):
        run_now(connection, backfill, work)


def moves_at_once(connection: BaseDatabaseWrapper, model: ModelKey, table: str) -> bool:
    """Whether the rows of a model's table are moved while `migrate` runs."""
    return is_unused(*model) or is_small(connection, table)


def is_small(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Whether the rows of `table` are few enough to be moved while `migrate` runs."""
    return catalog.has_fewer_rows(connection, table, conf.get("INLINE_BACKFILL_ROWS"))


def run_now(connection: BaseDatabaseWrapper, backfill: Backfill, work: Work) -> None:
    """Run a backfill to its end while `migrate` waits; raise if it fails."""
    if backfill.status in (Status.FAILED, Status.CANCELLED):
        controls.retry(connection, backfill)
    finished = Runner(connection, backfill, work).run()
    if finished.status == Status.FAILED:
        raise Refused(
            f"Backfill {finished.name} failed at {finished.error}\nThe other rows are done and "
            "safe; mend the cause, then run the same command again."
        )


def backfill_operations(migration: Migration) -> list[BackfillOperation]:
    """Return the backfills of a migration in the order in which they stand."""
    return [
        operation
        for operation in flattened(migration.operations)
        if isinstance(operation, BackfillOperation)
    ]


def backfill_name(operation: BackfillOperation, app_label: str) -> str:
    """Return the name of the backfill of `operation`, which stands in a migration file."""
    migration = migration_holding(operation, app_label)
    if migration is None:
        raise Refused(
            f"{operation!r} stands in no migration file of app {app_label!r}, and a backfill is "
            "named after its migration."
        )
    siblings = backfill_operations(migration)
    number = next(n for n, each in enumerate(siblings, start=1) if each is operation)
    return _name(app_label, migration.name, number, len(siblings))


def follower_name(name: str, transition: Transition) -> str:
    """Return the name of the backfill of a transition that follows that of backfill `name`."""
    model = f"{transition.app_label}.{transition.model_name}"
    return f"{name}{_FOLLOWED_BY}{model}.{transition.new_name}"


def _name(app_label: str, migration_name: str, number: int, siblings: int) -> str:
    name = f"{app_label}.{migration_name}"
    return name if siblings == 1 else f"{name}.{number}"


def find_backfill(name: str, loader: MigrationLoader) -> tuple[Migration, BackfillOperation] | None:
    """Return the migration and the operation that the backfill called `name` comes from."""
    for (app_label, migration_name), migration in loader.disk_migrations.items():
        siblings = backfill_operations(migration)
        for number, operation in enumerate(siblings, start=1):
            if _name(app_label, migration_name, number, len(siblings)) == name:
                return migration, operation
    return None


def load_work(connection: BaseDatabaseWrapper, name: str) -> Work:
    """Return what the backfill called `name` does, from the migration file it comes from.

    Raises:
        Refused: the migration is gone from the code.
    """
    loader = MigrationLoader(None)
    found = find_backfill(name.partition(_FOLLOWED_BY)[0], loader)
    if found is None:
        raise Refused(
            f"Backfill {name} is registered in the database, but this code has no migration of "
            "that name. Run it with the release that brought it."
        )
    (backfill,) = registry.select(connection, [name])
    if backfill.transition is not None and backfill.transition.leader_id is not None:
        return filling(backfill.transition)
    migration, operation = found
    apps = state_before(operation, migration, loader).apps
    work, _ = operation.work(migration.app_label, connection, apps)
    return work
