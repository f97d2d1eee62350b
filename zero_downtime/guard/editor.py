"""A schema editor that takes notes of what it executes, and can go on where another one died."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.guard.leftovers import clear_up, invalid_indexes
from zero_downtime.guard.patience import is_concurrent
from zero_downtime.postgres import errors
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.locks import SharedPatience, retry_lock_failures
from zero_downtime.postgres.sessions import is_in_transaction
from zero_downtime.postgres.words import ends_transaction, only_sets_session, opens_transaction

# Writes the fingerprints of the statements that the operation which is running has done.
KeepStatements = Callable[[list[str]], None]

_BEGUN = "begun "


class NotingEditor(BaseDatabaseSchemaEditor):
    """Put before the schema editor of a connection, of whatever kind that is.

    While in `once`, a statement outside transactions and the note that it is done commit
    together, so that it is not done twice, whenever the process dies.
    """

    def __init__(self, connection: BaseDatabaseWrapper, atomic: bool = True) -> None:
        super().__init__(connection, atomic=atomic)
        self._executed: list[str] = []
        self._keep: KeepStatements | None = None
        self._locks: Mapping[str, Lock] | None = None
        self._patience: SharedPatience | None = None
        self._is_done = False

    @contextmanager
    def only_setting_session(self) -> Iterator[None]:
        """Execute nothing but what sets the session: all else is done."""
        self._is_done = True
        try:
            yield
        finally:
            self._is_done = False
            self._executed = []

    @contextmanager
    def locking_in_turn(self) -> Iterator[None]:
        """Execute statements of one transaction, which keeps the locks of each."""
        self._patience = SharedPatience(self.connection)
        try:
            yield
        finally:
            self._patience = None

    @contextmanager
    def once(
        self,
        done: list[str],
        keep: KeepStatements,
        locks: Mapping[str, Lock] | None = None,
        *,
        has_transactions: bool = False,
    ) -> Iterator[None]:
        """Execute no statement twice, of which a process before this one has `done` some.

        Those that are met are taken out of `done`. What is left there may be of an operation that
        was begun and that another one was put before since.

        Args:
            locks: which tables the statements lock so that others have to wait, if it is known.
            has_transactions: whether BEGIN and COMMIT are among them.
        """
        self._locks = locks
        self._keep = keep
        self._done = list(done)
        self._done_before = done
        self._has_transactions = has_transactions
        self._is_skipping = False
        try:
            yield
        finally:
            self._keep = None

    def take_fingerprint(self) -> str:
        """Return what tells the statements since the last call from others; "" for none."""
        executed, self._executed = self._executed, []
        return _digest("\n".join(executed)) if executed else ""

    def execute(self, sql: Any, params: Any = ()) -> None:
        """Execute a statement, unless it is known to be done."""
        fingerprint = _digest(f"{sql} {params!r}")
        self._executed.append(fingerprint)
        if self._is_done:
            self._skip(sql, params)
        elif self._patience is not None:
            with self._patience.spent():
                super().execute(sql, params)
        elif self._keep is None or self.connection.in_atomic_block:
            super().execute(sql, params)
        elif self._is_skipping:
            self._skip(sql, params)
            self._is_skipping = not ends_transaction(str(sql))
        elif fingerprint in self._done_before:
            self._done_before.remove(fingerprint)
            self._skip(sql, params)
            self._is_skipping = self._has_transactions and opens_transaction(str(sql))
        elif self._has_transactions and (
            is_in_transaction(self.connection) or opens_transaction(str(sql))
        ):
            self._execute_as_written(sql, params, fingerprint)
        elif is_concurrent(sql) or not self._execute_in_transaction(sql, params, fingerprint):
            self._execute_alone(sql, params, fingerprint)

    def _skip(self, sql: Any, params: Any) -> None:
        """Leave out what is done, unless it was to last in a session that is gone."""
        if only_sets_session(str(sql)):
            super().execute(sql, params)

    def _execute_in_transaction(self, sql: Any, params: Any, fingerprint: str) -> bool:
        """Execute a statement and note it; return False if it cannot run in a transaction."""
        keep, done = self._keep, [*self._done, fingerprint]
        assert keep is not None

        def attempt() -> None:
            with transaction.atomic(using=self.connection.alias):
                super(NotingEditor, self).execute(sql, params)
                keep(done)

        try:
            retry_lock_failures(self.connection, attempt, self._locks)
        except DatabaseError as error:
            if errors.sqlstate(error) in errors.NEEDS_NO_TRANSACTION:
                return False
            raise
        self._done = done
        return True

    def _execute_as_written(self, sql: Any, params: Any, fingerprint: str) -> None:
        """Execute a statement of a transaction that SQL begins and ends.

        The transaction is noted where it begins, before it sets a role or a schema that has
        nothing to do with the journal; the note commits with it.
        """
        assert self._keep is not None
        try:
            super().execute(sql, params)
            if opens_transaction(str(sql)):
                self._done = [*self._done, fingerprint]
                self._keep(self._done)
        except BaseException:
            with suppress(DatabaseError):  # of a connection that is lost
                self.connection.rollback()
            raise

    def _execute_alone(self, sql: Any, params: Any, fingerprint: str) -> None:
        """Note that a statement is begun, then that it is done: it cannot commit with a note."""
        assert self._keep is not None
        begun = _BEGUN + fingerprint
        # Behind that stand the invalid indexes that were there before.
        earlier = next((each for each in self._done_before if each.startswith(begun)), None)
        if earlier is not None:
            self._done_before.remove(earlier)
        others = earlier.removeprefix(begun).split() if earlier else []
        if earlier is None or not clear_up(self.connection, sql, others):
            self._keep([*self._done, " ".join([begun, *invalid_indexes(self.connection, sql)])])
            try:
                super().execute(sql, params)
            except DatabaseError as error:
                if errors.is_misfit(error):  # it has not done anything
                    self._keep(self._done)
                raise
        self._done = [*self._done, fingerprint]
        self._keep(self._done)


def noting_editor(connection: BaseDatabaseWrapper, *, atomic: bool) -> NotingEditor:
    """Return an editor of the connection's own kind that takes notes."""
    return _noting(connection.SchemaEditorClass)(connection, atomic=atomic)


@cache
def _noting(kind: type[BaseDatabaseSchemaEditor]) -> type[NotingEditor]:
    return type(f"Noting{kind.__name__}", (NotingEditor, kind), {})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
