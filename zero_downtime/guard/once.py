"""Executing statements outside transactions so that none is done twice, whenever we die."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.guard.leftovers import clear_up, invalid_indexes
from zero_downtime.guard.patience import is_concurrent
from zero_downtime.postgres import errors
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.locks import retry_lock_failures
from zero_downtime.postgres.sessions import is_in_transaction
from zero_downtime.postgres.words import (
    ends_transaction,
    goes_on_after_transaction,
    only_sets_session,
    opens_transaction,
    sets_transaction,
)

_BEGUN = "begun "


def skip(sql: str, fingerprint: str, execute: Callable[[], None]) -> None:
    """Leave out what is done, unless it was to last in a session that is gone."""
    if only_sets_session(sql):
        execute()


class Once:
    """Executes the statements of one operation. Each commits together with the note of it.

    Those that are met and were done before are taken out of `done`. What is left there may be of
    an operation that was begun and that another one was put before since.

    Args:
        done: fingerprints of statements that a process before this one has done.
        keep: writes the fingerprints of those that are done.
        locks: which tables they lock so that others have to wait, if it is known.
        has_transactions: whether BEGIN and COMMIT are among them.
    """

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        done: list[str],
        keep: Callable[[list[str]], None],
        locks: Mapping[str, Lock] | None = None,
        *,
        has_transactions: bool = False,
    ) -> None:
        self._connection = connection
        self._done_before = done
        self._done = list(done)
        self._keep = keep
        self._locks = locks
        self._has_transactions = has_transactions
        self._is_in_what_is_done = False
        self._not_noted: list[str] = []

    def __call__(self, sql: str, fingerprint: str, execute: Callable[[], None]) -> None:
        """Execute a statement, unless it is known to be done."""
        if self._connection.in_atomic_block:
            execute()
        elif self._is_done(sql, fingerprint):
            skip(sql, fingerprint, execute)
        elif self._is_of_transaction(sql):
            self._as_written(sql, fingerprint, execute)
        elif (
            is_concurrent(sql)
            or goes_on_after_transaction(sql)
            or not self._in_transaction(fingerprint, execute)
        ):
            self._alone(sql, fingerprint, execute)

    def _is_done(self, sql: str, fingerprint: str) -> bool:
        """Whether a note says so: of the statement, or of the transaction in which it stands."""
        if self._is_in_what_is_done:
            self._is_in_what_is_done = not ends_transaction(sql)
            return True
        if fingerprint not in self._done_before:
            return False
        self._done_before.remove(fingerprint)
        self._is_in_what_is_done = self._has_transactions and opens_transaction(sql)
        return True

    def _is_of_transaction(self, sql: str) -> bool:
        return self._has_transactions and (
            is_in_transaction(self._connection) or opens_transaction(sql)
        )

    def _as_written(self, sql: str, fingerprint: str, execute: Callable[[], None]) -> None:
        """Execute a statement of a transaction that SQL begins and ends.

        The transaction is noted as soon as it may have queries, and the note commits with it.
        """
        with self._leaving_transaction():
            if opens_transaction(sql):
                self._not_noted = [fingerprint]
            elif self._not_noted and not sets_transaction(sql):
                self._note(self._not_noted.pop())
            execute()

    @contextmanager
    def _leaving_transaction(self) -> Iterator[None]:
        """Leave no transaction behind that SQL has begun and that failed."""
        try:
            yield
        except BaseException:
            with suppress(DatabaseError):  # of a connection that is lost
                self._connection.rollback()
            raise

    def _in_transaction(self, fingerprint: str, execute: Callable[[], None]) -> bool:
        """Execute a statement and note it; return False if it cannot run in a transaction."""

        def attempt() -> None:
            with transaction.atomic(using=self._connection.alias):
                execute()
                self._keep([*self._done, fingerprint])

        try:
            retry_lock_failures(self._connection, attempt, self._locks)
        except DatabaseError as error:
            if errors.sqlstate(error) in errors.NEEDS_NO_TRANSACTION:
                return False
            raise
        self._done.append(fingerprint)
        return True

    def _alone(self, sql: str, fingerprint: str, execute: Callable[[], None]) -> None:
        """Note that a statement is begun, then that it is done: it cannot commit with a note."""
        begun = _BEGUN + fingerprint
        # Behind that stand the invalid indexes that were there before.
        earlier = next((each for each in self._done_before if each.startswith(begun)), None)
        if earlier is not None:
            self._done_before.remove(earlier)
        others = earlier.removeprefix(begun).split() if earlier else []
        if earlier is None or not clear_up(self._connection, sql, others):
            invalid = invalid_indexes(self._connection, sql)
            self._keep([*self._done, " ".join([begun, *invalid])])
            try:
                with self._leaving_transaction():
                    execute()
            except DatabaseError as error:
                # It has not done anything, unless that was a function in an index.
                if errors.is_misfit(error) and invalid_indexes(self._connection, sql) == invalid:
                    self._keep(self._done)
                raise
        self._note(fingerprint)

    def _note(self, fingerprint: str) -> None:
        self._done.append(fingerprint)
        self._keep(self._done)
