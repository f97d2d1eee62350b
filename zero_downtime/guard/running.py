"""Running one migration: in one transaction that is tried again, or so that it can be continued.

Django's executor asks the migrations it has loaded to apply or unapply themselves. A `Runner`
takes that over, and has the operations run one by one by Django's own means, with retries, limits
and notes around each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from zero_downtime.errors import Refused
from zero_downtime.guard.editor import NotingEditor, in_turn, noting_editor
from zero_downtime.guard.history import unfinished
from zero_downtime.guard.journal import Journal
from zero_downtime.guard.limits import data_limits
from zero_downtime.guard.once import Once, skip
from zero_downtime.guard.units import Backwards, Forwards, Unit, Way, units_of
from zero_downtime.models import JournalEntry
from zero_downtime.operations.base import run_deferred_sql
from zero_downtime.postgres import errors
from zero_downtime.postgres.lock_modes import Lock, strongest
from zero_downtime.postgres.locks import retry_lock_failures
from zero_downtime.postgres.sessions import set_config

# What is done instead of an operation, for migrations that nobody can edit.
Substitutes = Mapping[Operation, Sequence[Operation]]


class Runner:
    """Runs the migrations of one `migrate`.

    Args:
        resumes: whether to go on where a migration that is not atomic was left.
    """

    def __init__(
        self, connection: BaseDatabaseWrapper, journal: Journal, *, resumes: bool = True
    ) -> None:
        self.connection = connection
        self.journal = journal
        self.resumes = resumes
        self.is_alone = False
        self.expected_locks: Mapping[Operation, Mapping[str, Lock]] = {}
        """Which tables operations lock so that others have to wait, as far as is known."""

    def nobody_else_is_there(self) -> None:
        """Do without what is for others, from now on: a database without tables has no users."""
        self.is_alone = True
        self.journal.is_lazy = True

    def take_over(self, migration: Migration, substitutes: Substitutes | None = None) -> None:
        """Do what Django's executor is about to ask of `migration`, the next thing it asks.

        An attribute of this one object is what it will find: no class is changed.
        """
        units_are_atomic = False
        if substitutes:
            units_are_atomic = migration.atomic
            migration.atomic = False  # type: ignore[misc]
            migration.operations = [  # type: ignore[misc]
                _substituted(each, substitutes) for each in migration.operations
            ]
        run = partial(self._run, migration, units_are_atomic)
        migration.apply = partial(run, Forwards)  # type: ignore[method-assign]
        migration.unapply = partial(run, Backwards)  # type: ignore[method-assign]

    def _run(
        self,
        migration: Migration,
        units_are_atomic: bool,
        kind: type[Forwards | Backwards],
        state: ProjectState,
        schema_editor: BaseDatabaseSchemaEditor,
        collect_sql: bool = False,
    ) -> ProjectState:
        """Run `migration`; `schema_editor` has begun a transaction if it is an atomic one."""
        way: Way = kind(units_of(migration), state)
        if not migration.atomic:
            self._run_in_units(migration, way, units_are_atomic)
        elif isinstance(way, Forwards):
            self._run_atomic(migration, way)
            # Together with Django's own record of it.
            self.journal.write(JournalEntry.Outcome.APPLIED)
        else:
            self._run_atomic_backwards(migration, way)
        return way.state

    def _run_atomic(self, migration: Migration, way: Way) -> None:
        """Run all units in a savepoint, again and again until they get their locks.

        What is rolled back to a savepoint gives its locks back, too. So Django's transaction
        around it stays as it is, with the record of the migration that Django writes in the end.
        """
        if self.is_alone or any(unit.ends_transactions for unit in way.units):
            self._run_without_retries(way)
            return
        state = way.state

        def attempt() -> None:
            way.state = state.clone()
            try:
                with (
                    noting_editor(self.connection, atomic=True) as editor,
                    editor.executing(in_turn(self.connection)),
                ):
                    for unit in way.order():
                        self._run_noted(way, unit, editor)
                    # Left to the editor's end, it would stay in its savepoint if that failed.
                    run_deferred_sql(editor)
            except OperationalError as error:
                if errors.is_lock_failure(error):
                    # Whoever limits idle transactions does not mean the pauses of this one.
                    set_config(
                        self.connection, "idle_in_transaction_session_timeout", "0", local=True
                    )
                raise

        retry_lock_failures(self.connection, attempt, self._locks(migration.operations))

    def _run_without_retries(self, way: Way) -> None:
        """Run all units in Django's transaction, with no savepoint.

        If nobody else is there, nobody has a lock that they could not get. If they end the
        transaction themselves, as under Django alone, there is nothing to be taken back.
        """
        editor = noting_editor(self.connection, atomic=True)
        editor.deferred_sql = []
        for unit in way.order():
            self._run_noted(way, unit, editor)
        run_deferred_sql(editor)

    def _run_atomic_backwards(self, migration: Migration, way: Way) -> None:
        """Django records that it is unapplied in another transaction, so the journal goes first."""
        earlier = self._unfinished(migration, is_backwards=True)
        if earlier is not None and earlier.outcome == JournalEntry.Outcome.RUNNING:
            self.journal.keep(earlier)
        else:
            self._run_atomic(migration, way)
            self.journal.write(JournalEntry.Outcome.RUNNING)

    def _run_in_units(self, migration: Migration, way: Way, units_are_atomic: bool) -> None:
        """Run what is in the migration one after the other, each of them as good as once."""
        earlier = self._unfinished(migration, is_backwards=isinstance(way, Backwards))
        self.journal.keep(earlier)
        done = _done(earlier, way.units) if earlier else set()
        with noting_editor(self.connection, atomic=False) as editor:
            # Django would let the operations to come rename what these name, but not in a text.
            editor.deferred_sql.extend(self.journal.entry.statements_left)
            self._run_deferred_once(editor)
            for unit in way.order():
                if unit.index in done and unit.is_sql:
                    with editor.executing(skip):
                        way.run(unit, editor)
                    editor.take_fingerprint()  # nobody's: it was noted when it was done
                elif unit.index in done:
                    way.skip(unit)
                elif unit.is_repeatable:
                    self._run_noted(way, unit, editor)
                    self._keep_unit(editor)
                elif unit.is_atomic or units_are_atomic:
                    self._run_in_transaction(way, unit, editor)
                else:
                    self._run_once(way, unit, editor)
            self._run_deferred_once(editor)

    def _run_deferred_once(self, editor: NotingEditor) -> None:
        if not editor.deferred_sql:
            return
        entry = self.journal.entry
        once = Once(self.connection, entry.statements_done, self.journal.keep_statements)
        with editor.executing(once):
            run_deferred_sql(editor)
        editor.take_fingerprint()  # no operation's
        self._keep_unit(editor)

    def _run_once(self, way: Way, unit: Unit, editor: NotingEditor) -> None:
        once = Once(
            self.connection,
            self.journal.entry.statements_done,
            self.journal.keep_statements,
            self._locks(unit.operations),
            has_transactions=unit.ends_transactions,
        )
        try:
            with editor.executing(once):
                self._run_noted(way, unit, editor)
        except OperationalError as error:
            if errors.is_lock_failure(error):  # in a transaction that its own code has begun
                raise _stuck(unit, error) from error
            raise
        self._keep_unit(editor)

    def _run_in_transaction(self, way: Way, unit: Unit, editor: NotingEditor) -> None:
        state, deferred = way.state, list(editor.deferred_sql)

        def attempt() -> None:
            way.state, editor.deferred_sql[:] = state.clone(), deferred
            with (
                transaction.atomic(using=self.connection.alias),
                editor.executing(in_turn(self.connection)),
            ):
                self._run_noted(way, unit, editor)
                self._keep_unit(editor)

        retry_lock_failures(self.connection, attempt, self._locks(unit.operations))

    def _locks(self, operations: Sequence[Operation]) -> dict[str, Lock]:
        """Return the strongest lock on each table, as far as is known."""
        return strongest(
            lock for each in operations for lock in self.expected_locks.get(each, {}).items()
        )

    def _run_noted(self, way: Way, unit: Unit, editor: NotingEditor) -> None:
        with (
            self.journal.operation(unit.noted()) as noted,
            data_limits(self.connection, unit),
        ):
            way.run(unit, editor)
            sql_fingerprint = editor.take_fingerprint()
            # What is left to do for one that looks first is no mark of what it is.
            noted.sql_fingerprint = "" if unit.is_repeatable else sql_fingerprint
            noted.fingerprint = "" if unit.migration.atomic else unit.fingerprint

    def _keep_unit(self, editor: NotingEditor) -> None:
        self.journal.keep_operation([str(each) for each in editor.deferred_sql])

    def _unfinished(self, migration: Migration, *, is_backwards: bool) -> JournalEntry | None:
        if not self.resumes:
            return None
        return unfinished(self.connection, migration, is_backwards=is_backwards)


def _stuck(unit: Unit, error: Exception) -> Refused:
    return Refused(
        f"{unit.migration} is not atomic and could not get a lock in the middle of "
        f"{unit.noted().description!r}: {errors.message(error)}. What that did before stays done. "
        "If it can be repeated, run the same command again, which begins with it; if not, finish "
        f"it by hand, and record it: manage.py migrate --fake {unit.migration.app_label} "
        f"{unit.migration.name}"
    )


def _substituted(operation: Operation, substitutes: Substitutes) -> Operation:
    if operation not in substitutes:
        return operation
    return SeparateDatabaseAndState(
        database_operations=list(substitutes[operation]), state_operations=[operation]
    )


def _done(earlier: JournalEntry, units: Sequence[Unit]) -> set[int]:
    """Return the indexes of the units that ran before.

    Raises:
        Refused: one of them has changed since.
    """
    by_index = {unit.index: unit for unit in units}
    ran = earlier.operations.using(earlier._state.db).filter(done=True)
    for noted in ran:
        unit = by_index.get(noted.index)
        if unit is None or unit.fingerprint != noted.fingerprint:
            app_label, name = earlier.app_label, earlier.name
            raise Refused(
                f"{app_label}.{name} was changed after a run of it that did not end: its "
                f"operation {noted.index} ({noted.description!r}) is done, and is another one now. "
                "Change it back, and run the same command again; or undo by hand what was done, "
                "and run: manage.py migrate --no-resume; or finish by hand, and record it: "
                f"manage.py migrate --fake {app_label} {name}"
            )
    return {noted.index for noted in ran}
