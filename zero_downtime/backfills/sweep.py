"""Filling NULLs of a column in batches, without a row in the registry.

What is filled tells how far it is, so a sweep that died is simply begun again.
"""

from __future__ import annotations

import time
from functools import partial

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.pace import Pace
from zero_downtime.backfills.work import Work
from zero_downtime.postgres.identifiers import quote, quote_for_parameters
from zero_downtime.postgres.locks import lock_timeout, retry_lock_failures


class FillNulls(Work):
    """Put an SQL expression, or DEFAULT, where a column is NULL."""

    def __init__(self, table: str, column: str, value: str) -> None:
        self.table = table
        self.column = column
        self.value = value

    def statement(self, connection: BaseDatabaseWrapper) -> str:
        """Return the UPDATE as it would be without batches, to be shown."""
        column = quote(connection, self.column)
        return (
            f"UPDATE {quote(connection, self.table)} "
            f"SET {column} = {self.value} WHERE {column} IS NULL"
        )

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
        """Fill the rows of `keys`."""
        column = quote_for_parameters(connection, self.column)
        value = self.value.replace("%", "%%")
        condition, params = key.condition(keys)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {key.table} SET {column} = {value} WHERE {column} IS NULL AND {condition}",
                params,
            )


def sweep(connection: BaseDatabaseWrapper, work: Work) -> None:
    """Let `work` go over the table once, from the first key to the last that there is now.

    Rows that are inserted meanwhile are the business of a default; to follow them might never end.
    Locks: the rows of one batch, for about `BATCH_TARGET_SECONDS`.
    """
    key = Key.of(connection, work.table)
    pace = Pace(work.batch_size)
    after, last = None, key.last(connection)
    while keys := key.next_range(connection, after, pace.rows, last):
        started = time.monotonic()
        retry_lock_failures(
            connection, partial(_process, connection, work, key, keys), {work.table: None}
        )
        pace.observe(keys.rows, time.monotonic() - started)
        after = keys.upto


def _process(connection: BaseDatabaseWrapper, work: Work, key: Key, keys: KeyRange) -> None:
    with (
        transaction.atomic(using=connection.alias),
        lock_timeout(connection, conf.get("LOCK_TIMEOUT")),
    ):
        work.process(connection, key, keys)
