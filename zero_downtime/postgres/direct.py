"""The way around a proxy: a connection that goes to the server itself."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.errors import Refused
from zero_downtime.postgres import advisory, errors
from zero_downtime.postgres.poolers import pools_transactions


@contextmanager
def direct(connection: BaseDatabaseWrapper) -> Iterator[BaseDatabaseWrapper]:
    """Go around a proxy that pools transactions while in the block, if `DIRECT` says how.

    Whoever asks for the alias of `connection` in this thread gets the one that goes around: code
    of a migration that names no database must not wait for the locks of its own migration.

    Raises:
        Refused: the way of `DIRECT` does not lead to the same database.
    """
    way = conf.get("DIRECT").get(connection.alias)
    if way is None or not pools_transactions(connection):
        yield connection
        return
    around = _connection_around(connection, way)
    connections[connection.alias] = around
    try:
        yield around
    finally:
        connections[connection.alias] = connection
        around.close()


def which_way(around: BaseDatabaseWrapper) -> str:
    """Say what `direct` has found."""
    way = conf.get("DIRECT")[around.alias]
    return f"Database {around.alias!r} is behind a proxy; going around it by {way!r}."


def is_without_session(way: BaseDatabaseWrapper, connection: BaseDatabaseWrapper) -> bool:
    """Whether `direct`, which has led from `connection` to `way`, found no session that is ours.

    The setting has the last word on what goes around: it may be a proxy that pools sessions.
    """
    return way is connection and pools_transactions(connection)


def no_session(alias: str, needed_by: str) -> Refused:
    """Return the refusal of what cannot do with one transaction at a time.

    Args:
        needed_by: ends in the words "needs one".
    """
    return Refused(
        f"Database {alias!r} is behind a proxy that gives nobody a session of the server for "
        f"longer than a transaction, and {needed_by}. Nothing was done.\n"
        f"{how_to_go_around(alias)}"
    )


def how_to_go_around(alias: str) -> str:
    """Return what to write into the settings, so that `direct` goes around the proxy."""
    return (
        "Say in the settings how to go around the proxy:\n"
        f'  DATABASES["direct"] = {{**DATABASES[{alias!r}], "HOST": "HOST OF THE SERVER", '
        f'"PORT": "5432", "TEST": {{"MIRROR": {alias!r}}}}}\n'
        f'  ZERO_DOWNTIME = {{"DIRECT": {{{alias!r}: "direct"}}}}\n'
        'Or, if the proxy pools sessions: ZERO_DOWNTIME = {"POOL_MODE": "session"}'
    )


def _connection_around(pooled: BaseDatabaseWrapper, way: str) -> BaseDatabaseWrapper:
    settings = connections[way].settings_dict
    names = [settings["NAME"]]
    if settings["TEST"]["MIRROR"] == pooled.alias:
        # Django gives it the name of a test database after that was migrated.
        names.append(pooled.settings_dict["NAME"])
    problem = ""
    for name in names:
        around: BaseDatabaseWrapper = connections[way].copy(alias=pooled.alias)
        around.settings_dict["NAME"] = name
        around.settings_dict["OPTIONS"].pop("pool", None)  # Django has one pool for an alias
        try:
            if _reach_one_database(around, pooled):
                return around
        except OperationalError as error:
            problem = f" ({errors.message(error)})"
        around.close()
    raise Refused(
        f"Database {pooled.alias!r} is behind a proxy, and {way!r}, which "
        f"ZERO_DOWNTIME['DIRECT'] names as the way around it, does not lead to the same "
        f"database{problem}. Nothing was done. Correct DATABASES[{way!r}]."
    )


def _reach_one_database(around: BaseDatabaseWrapper, pooled: BaseDatabaseWrapper) -> bool:
    """Whether one sees an advisory lock of the other: it is known in one database of one server."""
    key = secrets.randbits(63)
    advisory.try_lock(around, key)
    try:
        return advisory.holder(pooled, key) is not None
    finally:
        advisory.unlock(around, key)
