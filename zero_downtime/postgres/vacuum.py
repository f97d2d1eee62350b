"""Making the room of dead rows usable again while many rows are being updated."""

from __future__ import annotations

import logging

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.postgres import errors
from zero_downtime.postgres.identifiers import quote

logger = logging.getLogger("zero_downtime.vacuum")

# Of a table's rows: there is no need to look for room more often, however small the setting is.
SMALLEST_SHARE = 0.05


def is_due(rows_done: int, rows_just_done: int, rows_of_table: int) -> bool:
    """Whether the latest rows have completed another round of `VACUUM_ROWS`."""
    round_of: int = conf.get("VACUUM_ROWS")
    if not round_of:
        return False
    round_of = max(round_of, round(rows_of_table * SMALLEST_SHARE))
    return rows_done // round_of > (rows_done - rows_just_done) // round_of


def may_vacuum(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Whether our role has the right to: PostgreSQL would only warn, and do nothing."""
    privilege = "has_table_privilege(oid, 'MAINTAIN')"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(relowner, 'USAGE')"
            + (f" OR {privilege}" if cursor.connection.info.server_version >= 170000 else "")
            + " FROM pg_class WHERE oid = to_regclass(%s)",
            [quote(connection, table)],
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def vacuum(connection: BaseDatabaseWrapper, table: str) -> None:
    """Make the room of dead rows usable, unless our role may not, or somebody else holds the table.

    Not in a transaction. The indexes are left to autovacuum: to read them as a whole every time
    costs more than all the rest. What is left of a dead row meanwhile is its line pointer.
    A statement timeout, or somebody, may break it off: it has done good as far as it came.

    Locks: SHARE UPDATE EXCLUSIVE, if it is to be had at once; without TRUNCATE, which would ask
    for ACCESS EXCLUSIVE in the end.
    """
    if not may_vacuum(connection, table):
        return
    with connection.cursor() as cursor:
        try:
            cursor.execute(
                "VACUUM (SKIP_LOCKED, TRUNCATE false, INDEX_CLEANUP false) "
                + quote(connection, table)
            )
        except OperationalError as error:
            if errors.sqlstate(error) != errors.QUERY_CANCELED:
                raise
            logger.info("The vacuum of %s was broken off: %s", table, error)
