"""`BackfillField` and `BatchedRunPython`: move rows in batches, outside the deploy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState, StateApps
from django.db.models import Model, Q, QuerySet

from zero_downtime.backfills import registry
from zero_downtime.backfills.work import CallPython, SetField, Work
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill, Transition
from zero_downtime.operations.backfill_operation import (
    BackfillOperation,
    backfill_name,
    backfill_operations,
    follower_name,
    moves_at_once,
    run_now,
)
from zero_downtime.operations.base import is_postgresql, require_field, require_no_transaction
from zero_downtime.transitions import phases
from zero_downtime.transitions.filling import filling
from zero_downtime.transitions.phases import TransitionKey


class BackfillField(BackfillOperation):
    """Fill a field in every row, batch by batch.

    Args:
        model_name: the model whose rows are moved.
        name: the field to fill.
        value: an ORM expression or a plain value. Without it the field is filled with what the
            Expand operation on it declared: the new name of a rename with the old one's value,
            the hidden column of a change of type with the field's, converted; with those of the
            foreign keys that point at the field.
        where: a `Q` that selects the rows to touch; all when left out. Only with `value`.
        elidable: whether `squashmigrations` may leave the operation out.

    Locks: the rows of one batch, for about `BATCH_TARGET_SECONDS`.
    """

    def __init__(
        self,
        model_name: str,
        name: str,
        value: Any = None,
        where: Q | None = None,
        *,
        elidable: bool = False,
    ) -> None:
        if where is not None and value is None:
            raise ValueError("BackfillField: `where` needs a `value`.")
        self.model_name = model_name
        self.name = name
        self.value = value
        self.where = where
        self.elidable = elidable  # type: ignore[misc]

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing, but say now if the field does not exist."""
        require_field(self, state, app_label, self.model_name, self.name)

    def work(
        self, app_label: str, connection: BaseDatabaseWrapper, apps: StateApps
    ) -> tuple[Work, Transition | None]:
        """Return a set-based UPDATE, or the copy that a transition asks for."""
        model: type[Model] = apps.get_model(app_label, self.model_name)
        if self.value is not None:
            return SetField(connection, model, self.name, self.value, self.where), None
        transition = self._transition(app_label, connection)
        if transition is None:
            raise Refused(
                f"BackfillField({self.model_name!r}, {self.name!r}) has no value, and no Expand "
                "operation on that field is under way that would give it one. "
                "Pass value=, or put it behind the Expand operation."
            )
        return filling(transition), transition

    def followers(self, app_label: str, connection: BaseDatabaseWrapper) -> list[Transition]:
        """Return the transitions of the foreign keys that change together with the field."""
        if self.value is not None:
            return []
        transition = self._transition(app_label, connection)
        if transition is None:
            return []
        return list(transition.followers.using(connection.alias).order_by("pk"))

    def _transition(self, app_label: str, connection: BaseDatabaseWrapper) -> Transition | None:
        model_name = self.model_name.lower()
        return phases.find_by_new_name(connection, app_label, model_name, self.name)

    def fills(self, transition: Transition, app_label: str) -> bool:
        """Whether this is the backfill, of a migration of that app, that `transition` needs."""
        return self.value is None and (app_label, self.model_name.lower(), self.name) == (
            transition.app_label,
            transition.model_name,
            transition.new_name,
        )

    def run_without_postgresql(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, apps: StateApps
    ) -> None:
        """Update all rows; a rename has been done by the expand already."""
        if self.value is None:
            return
        model: type[Model] = apps.get_model(app_label, self.model_name)
        connection = schema_editor.connection
        work = SetField(connection, model, self.name, self.value, self.where)
        work.process_all(connection)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return the operation as a migration file writes it."""
        kwargs: dict[str, Any] = {"model_name": self.model_name, "name": self.name}
        if self.value is not None:
            kwargs["value"] = self.value
        if self.where is not None:
            kwargs["where"] = self.where
        if self.elidable:
            kwargs["elidable"] = True
        return type(self).__name__, [], kwargs

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Fill field {self.name} on {self.model_name} in batches"

    @property
    def migration_name_fragment(self) -> str:
        """Part of an automatic name."""
        return f"{self.model_name.lower()}_{self.name}_backfill"


class BatchedRunPython(BackfillOperation):
    """Call a function once a batch, with the batch's rows as a queryset.

    Args:
        code: `code(apps, queryset)`; `queryset` has at most a batch of rows, in a transaction.
        model_name: the model whose rows are moved.
        reverse_code: the same for migrating backwards; it runs while `migrate` waits. Without
            it the operation cannot be reversed.
        where: a `Q` that selects the rows to touch; all when left out.
        batch_size: rows per batch; found out by timing when left out.
        elidable: whether `squashmigrations` may leave the operation out.

    Locks: what `code` writes, until the end of the batch.
    """

    def __init__(
        self,
        code: Callable[[Any, QuerySet[Any]], object],
        model_name: str,
        reverse_code: Callable[[Any, QuerySet[Any]], object] | None = None,
        where: Q | None = None,
        batch_size: int | None = None,
        *,
        elidable: bool = False,
    ) -> None:
        for function in (code, reverse_code):
            if function is not None and not callable(function):
                raise ValueError("BatchedRunPython needs callables: code(apps, queryset).")
        if batch_size is not None and batch_size < 1:
            raise ValueError("BatchedRunPython: batch_size must be at least 1.")
        self.code = code
        self.model_name = model_name
        self.reverse_code = reverse_code
        self.where = where
        self.batch_size = batch_size
        self.elidable = elidable  # type: ignore[misc]

    @property
    def reversible(self) -> bool:  # type: ignore[override]
        """Whether there is code for going back."""
        return self.reverse_code is not None

    def work(
        self, app_label: str, connection: BaseDatabaseWrapper, apps: StateApps
    ) -> tuple[Work, Transition | None]:
        """Return the call of `code`."""
        return self._call(self.code, app_label, apps), None

    def _call(
        self, code: Callable[[Any, QuerySet[Any]], object], app_label: str, apps: StateApps
    ) -> CallPython:
        model: type[Model] = apps.get_model(app_label, self.model_name)
        return CallPython(model, code, apps, self.where, self.batch_size)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Call `reverse_code` once a batch while `migrate` waits."""
        assert self.reverse_code is not None
        connection = schema_editor.connection
        work = self._call(self.reverse_code, app_label, to_state.apps)
        if not is_postgresql(schema_editor):
            work.process_all(connection)
            return
        require_no_transaction(self, schema_editor)
        name = backfill_name(self, app_label)
        # It has a name of its own, so that going back can be resumed like going forward.
        backfill = registry.register(connection, f"{name}.reverse", work.table)
        run_now(connection, backfill, work)
        registry.unregister(connection, backfill.name)
        registry.unregister(connection, name)

    def run_without_postgresql(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, apps: StateApps
    ) -> None:
        """Call `code` once, with all the rows."""
        self._call(self.code, app_label, apps).process_all(schema_editor.connection)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return the operation as a migration file writes it."""
        optional = {
            "reverse_code": self.reverse_code,
            "where": self.where,
            "batch_size": self.batch_size,
            "elidable": self.elidable or None,
        }
        kwargs = {name: value for name, value in optional.items() if value is not None}
        return (
            type(self).__name__,
            [],
            {"code": self.code, "model_name": self.model_name, **kwargs},
        )

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Call {getattr(self.code, '__name__', 'code')} on {self.model_name} in batches"

    @property
    def migration_name_fragment(self) -> str:
        """Part of an automatic name."""
        return f"{self.model_name.lower()}_backfill"


def fill_again(connection: BaseDatabaseWrapper, key: TransitionKey, work: Work) -> None:
    """Fill what a transition, whose contract was taken back, has to fill once more.

    At once, if the rows are few; otherwise its backfill waits for `manage.py backfill`.
    """
    transition = phases.find(connection, key)
    assert transition is not None, f"there is no {key}"
    backfills = list(transition.backfills.using(connection.alias))
    for backfill in backfills or _register_filling(connection, transition):
        unfinished = backfill.status != Backfill.Status.SUCCEEDED
        if unfinished and moves_at_once(connection, key.model, work.table):
            run_now(connection, backfill, work)


def _register_filling(connection: BaseDatabaseWrapper, transition: Transition) -> list[Backfill]:
    """Register the backfill of a transition whose migrations were never run in this database."""
    leader = transition.leader or transition
    names = [
        backfill_name(operation, app_label)
        for (app_label, _), migration in MigrationLoader(None).disk_migrations.items()
        for operation in backfill_operations(migration)
        if isinstance(operation, BackfillField) and operation.fills(leader, app_label)
    ]
    if transition != leader:
        names = [follower_name(name, transition) for name in names]
    return [registry.register(connection, name, transition.table, transition) for name in names[:1]]
