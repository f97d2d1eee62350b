"""Limits for what nobody can foresee: RunPython and RunSQL in a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.errors import Refused
from zero_downtime.guard.units import Unit
from zero_downtime.postgres import errors
from zero_downtime.postgres.sessions import local_limits


@contextmanager
def data_limits(connection: BaseDatabaseWrapper, unit: Unit) -> Iterator[None]:
    """Limit a unit that moves data, if it is in a transaction, which keeps all of its locks.

    Raises:
        Refused: a limit was reached.
    """
    if not (unit.moves_data and connection.in_atomic_block):
        yield
        return
    limits = {
        "statement_timeout": conf.get("DATA_STATEMENT_TIMEOUT"),
        "idle_in_transaction_session_timeout": conf.get("DATA_IDLE_TIMEOUT"),
    }
    try:
        with local_limits(connection, limits):
            yield
    except DatabaseError as error:
        limit = _LIMITS.get(errors.sqlstate(error) or "")
        if limit is None:
            raise
        raise Refused(_message(unit, limit)) from error


_LIMITS = {
    errors.QUERY_CANCELED: "DATA_STATEMENT_TIMEOUT",
    errors.IDLE_IN_TRANSACTION_TIMEOUT: "DATA_IDLE_TIMEOUT",
}


def _message(unit: Unit, limit: str) -> str:
    return (
        f"{unit.migration}: {unit.noted().description!r} was ended, and nothing of its "
        f"transaction is left: it took longer than {limit} allows, with its locks held. Move the "
        "rows in batches, with BackfillField or BatchedRunPython, or give "
        f"ZERO_DOWNTIME[{limit!r}] a longer time; then run the same command again."
    )
