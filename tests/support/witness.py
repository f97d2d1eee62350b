"""What the server says about its work: locks held, tables scanned, files replaced.

All of it is about the transaction that the connection is in, and read within it.
"""

from __future__ import annotations

import psycopg

#: From the weakest to the strongest, as `pg_locks` names them without the word Lock.
LOCK_MODES = (
    "AccessShare",
    "RowShare",
    "RowExclusive",
    "ShareUpdateExclusive",
    "Share",
    "ShareRowExclusive",
    "Exclusive",
    "AccessExclusive",
)

_USER_RELATION = (
    "relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_' "
    "OR nspname = 'information_schema')"
)


def relations(connection: psycopg.Connection) -> dict[int, str]:
    """Return the names of all relations of users, by oid."""
    rows = connection.execute(f"SELECT oid, relname FROM pg_class WHERE {_USER_RELATION}")
    return dict(rows.fetchall())


def locks(connection: psycopg.Connection) -> dict[int, str]:
    """Return the strongest lock that the transaction holds on each relation, by oid.

    Not the ACCESS SHARE that a planner takes on every index of a table, one row or a million.
    """
    held: dict[int, str] = {}
    rows = connection.execute(
        "SELECT relation, replace(mode, 'Lock', '') FROM pg_locks "
        "LEFT JOIN pg_class ON pg_class.oid = relation "  # it may be dropped
        "WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted "
        "AND (relkind = 'i' AND mode = 'AccessShareLock') IS NOT TRUE"
    )
    for oid, mode in rows:
        held[oid] = stronger(held[oid], mode) if oid in held else mode
    return held


def stronger(one: str, other: str) -> str:
    """Return the stronger of two lock modes."""
    return max(one, other, key=LOCK_MODES.index)


def storage(connection: psycopg.Connection) -> dict[int, int]:
    """Return the number of each relation's file, by oid; a rewritten one has a new number."""
    rows = connection.execute(
        f"SELECT oid, pg_relation_filenode(oid) FROM pg_class WHERE {_USER_RELATION} "
        "AND pg_relation_filenode(oid) IS NOT NULL"
    )
    return dict(rows.fetchall())


def scans(connection: psycopg.Connection) -> dict[int, int]:
    """Return how often the transaction has read each table from end to end, by oid."""
    rows = connection.execute("SELECT relid, seq_scan FROM pg_stat_xact_user_tables")
    return dict(rows.fetchall())
