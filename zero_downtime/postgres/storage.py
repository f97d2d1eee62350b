"""Where the rows of a table lie: its file, the pages of that, and how its keys are spread there."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres.identifiers import quote

# A range of places is found without reading the whole table from this version on.
TID_RANGE_SCANS_SINCE = 140000
# `pg_stats.correlation` of keys whose order says little of where their rows lie: 1 is the same
# order, 0 none at all.
SCATTERED_BELOW = 0.5


def file_number(connection: BaseDatabaseWrapper, table: str) -> int:
    """Return the number of the file of `table`. Whatever moves all rows at once gives it another.

    That is VACUUM FULL, CLUSTER, TRUNCATE, a rewriting ALTER TABLE, pg_repack; VACUUM does not.
    """
    return int(_ask(connection, "SELECT pg_relation_filenode(%s)", table))


def pages(connection: BaseDatabaseWrapper, table: str) -> int:
    """Return how many pages the file of `table` has."""
    sql = "SELECT pg_relation_size(%s) / current_setting('block_size')::bigint"
    return int(_ask(connection, sql, table))


def exceeds_buffers(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Whether `table`, its indexes included, is larger than what the server keeps in memory."""
    sql = (
        "SELECT pg_total_relation_size(%s) / current_setting('block_size')::bigint "
        "> (SELECT setting::bigint FROM pg_settings WHERE name = 'shared_buffers')"
    )
    return bool(_ask(connection, sql, table))


def rows_per_page(connection: BaseDatabaseWrapper, table: str) -> float:
    """Return how many rows a page of `table` held when it was last looked at; 0 if it never was."""
    sql = (
        "SELECT CASE WHEN relpages > 0 AND reltuples > 0 THEN reltuples / relpages ELSE 0 END "
        "FROM pg_class WHERE oid = to_regclass(%s)"
    )
    return float(_ask(connection, sql, table))


def are_scattered(connection: BaseDatabaseWrapper, table: str, column: str) -> bool:
    """Whether rows that follow each other by `column` lie far from each other in one heap file.

    Not if ANALYZE has not seen the column yet, nor of a table that is several files: with
    partitions, or with others that inherit from it.
    """
    if connection.pg_version < TID_RANGE_SCANS_SINCE:  # type: ignore[attr-defined]
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT abs(correlation) < %s FROM pg_class "
            "JOIN pg_am ON pg_am.oid = relam "
            "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "JOIN pg_stats ON schemaname = nspname AND tablename = relname AND attname = %s "
            "WHERE pg_class.oid = to_regclass(%s) "
            "AND relkind = 'r' AND amname = 'heap' AND NOT relhassubclass",
            [SCATTERED_BELOW, column, quote(connection, table)],
        )
        row = cursor.fetchone()
    return row is not None and bool(row[0])


def _ask(connection: BaseDatabaseWrapper, sql: str, table: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, [quote(connection, table)])
        return cursor.fetchone()[0]
