"""Limits for what nobody can foresee: RunPython and RunSQL in a transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.errors import Refused
from zero_downtime.guard.units import Unit
from zero_downtime.postgres import errors
from zero_downtime.postgres.sessions import local_limits, milliseconds


@contextmanager
def data_limits(connection: BaseDatabaseWrapper, unit: Unit) -> Iterator[None]:
    """Limit a unit that moves data, if it is in a transaction, which keeps all of its locks.

    Raises:
        Refused: a limit was reached, or somebody cancelled a statement.
    """
    if not (unit.moves_data and connection.in_atomic_block):
        yield
        return
    limits = {
        "statement_timeout": conf.get("DATA_STATEMENT_TIMEOUT"),
        "idle_in_transaction_session_timeout": conf.get("DATA_IDLE_TIMEOUT"),
    }
    clock = _Clock()
    try:
        with local_limits(connection, limits), connection.execute_wrapper(clock):
            yield
    except DatabaseError as error:
        state = errors.sqlstate(error)
        if state == errors.QUERY_CANCELED and clock.is_before(limits["statement_timeout"]):
            raise Refused(_cancelled(unit, error)) from error
        limit = _LIMITS.get(state or "")
        if limit is None:
            raise
        raise Refused(_message(unit, limit)) from error


class _Clock:
    """An `execute_wrapper` that knows the longest time between the begins of two statements.

    The server has one SQLSTATE for a timeout and for pg_cancel_backend(). How long a statement
    took cannot be seen when it is the FETCH of a server-side cursor, which has no wrapper.
    """

    def __init__(self) -> None:
        self._longest = 0.0
        self._began = time.monotonic()

    def __call__(
        self,
        execute: Callable[[Any, Any, bool, dict[str, Any]], Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        self._look()
        return execute(sql, params, many, context)

    def is_before(self, timeout: float) -> bool:
        """Whether no statement can have taken as long as a timeout, in seconds."""
        self._look()
        return 1000 * self._longest < milliseconds(timeout)

    def _look(self) -> None:
        now = time.monotonic()
        self._longest = max(self._longest, now - self._began)
        self._began = now


_LIMITS = {
    errors.QUERY_CANCELED: "DATA_STATEMENT_TIMEOUT",
    errors.IDLE_IN_TRANSACTION_TIMEOUT: "DATA_IDLE_TIMEOUT",
}


def _message(unit: Unit, limit: str) -> str:
    return _ended(
        unit,
        f"it took longer than {limit} allows, with its locks held. Move the rows in batches, with "
        f"BackfillField or BatchedRunPython, or give ZERO_DOWNTIME[{limit!r}] a longer time; then "
        "run the same command again.",
    )


def _cancelled(unit: Unit, error: Exception) -> str:
    return _ended(
        unit,
        f"{errors.message(error)}. DATA_STATEMENT_TIMEOUT allows more time: somebody has cancelled "
        "it, or the role, the database or the operation itself sets a shorter statement_timeout. "
        "Run the same command again.",
    )


def _ended(unit: Unit, why: str) -> str:
    return (
        f"{unit.migration}: {unit.noted().description!r} was ended, and nothing of its "
        f"transaction is left: {why}"
    )
