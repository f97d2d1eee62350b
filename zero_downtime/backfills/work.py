"""What a backfill does to the rows of one batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills.batch import Batch
from zero_downtime.backfills.expressions import assignable
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.postgres import catalog
from zero_downtime.postgres.comparisons import differ
from zero_downtime.postgres.identifiers import quote_for_parameters
from zero_downtime.postgres.planner import SCANS_OUT_OF_ORDER, without


class Work(ABC):
    """One kind of change to rows. It is called inside the batch's transaction."""

    table: str
    # Rows per batch, where the work insists on a number; otherwise the pace finds one.
    batch_size: int | None = None
    # Whether somebody else takes care of rows that come after the start, as a dual-write trigger
    # does. Without that, the end of the table is where no row is left, however late it came.
    leaves_new_rows = False
    # The column of the table that it writes, if that is known and there is one only.
    written_column: str | None = None

    @abstractmethod
    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> int | None:
        """Change the rows of `keys`; raising undoes the batch.

        Returns:
            How many rows were changed; None if that is not known.
        """

    def finish(self, connection: BaseDatabaseWrapper) -> None:  # noqa: B027
        """Be told that no row is left, in the transaction that records it."""


class CopyColumn(Work):
    """Copy one column to another, for the rows in which they differ.

    Comparing values rather than asking for NULLs is what makes this right for nullable columns
    and for rows that the dual-write trigger has already filled.
    """

    leaves_new_rows = True

    def __init__(self, table: str, source: str, target: str) -> None:
        self.table = table
        self.source = source
        self.target = self.written_column = target

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> int | None:
        """Copy, row by row in the order of `key`.

        Clients that write several rows mostly do so in key order too; the common order is what
        keeps the two from waiting for each other in a circle. It is that of the key's index, which
        is read in no other way here; to lock the rows first would cost the server a sixth more.
        Where rows are walked by place, the lock timeout of a batch is what ends such a circle.
        """
        value, target = self.value(connection), quote_for_parameters(connection, self.target)
        condition, params = key.condition(keys)
        with without(connection, SCANS_OUT_OF_ORDER), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {key.table} SET {target} = {value} "
                f"WHERE {condition} AND {self._is_due(connection)}",
                params,
            )
            return int(cursor.rowcount)

    def differing(
        self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange, examples: int
    ) -> tuple[int, list[str]]:
        """Count the rows of `keys` whose columns differ, and name the keys of some of them.

        Locks: ACCESS SHARE, as every SELECT.
        """
        condition, params = key.condition(keys)
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*), "
                f"(array_agg({key.text} ORDER BY {key.sql}))[:{examples:d}] "
                f"FROM {key.table} WHERE {condition} AND {self.difference(connection)}",
                params,
            )
            count, keys_found = cursor.fetchone()
        return count, keys_found or []

    def value(self, connection: BaseDatabaseWrapper) -> str:
        """Return what the target should hold, as SQL for statements with parameters."""
        return quote_for_parameters(connection, self.source)

    def difference(self, connection: BaseDatabaseWrapper) -> str:
        """Return the condition that a row's columns differ, likewise."""
        return self._is_due(connection)

    def _is_due(self, connection: BaseDatabaseWrapper) -> str:
        column = catalog.get_column(connection, self.table, self.target)
        target = quote_for_parameters(connection, self.target)
        exact = column is None or column.exact
        return differ(self.value(connection), target, exact=exact)


class QuerysetWork(Work):
    """Work that is said in terms of a Django model."""

    def __init__(self, model: type[models.Model], where: models.Q | None) -> None:
        self.table = model._meta.db_table
        self.model = model
        self.where = where

    @abstractmethod
    def apply(self, rows: Batch) -> None:
        """Change those rows, on whatever database."""

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
        """Change the rows of `keys` that `where` selects."""
        self.apply(Batch.of(self.model, connection, key, keys).filter(self.where or models.Q()))

    def process_all(self, connection: BaseDatabaseWrapper) -> None:
        """Change all rows that `where` selects at once, on a database that has no backfills."""
        rows = Batch(self.model, using=connection.alias)
        self.apply(rows.filter(self.where or models.Q()))


class SetField(QuerysetWork):
    """Set a field to the value of an ORM expression, which may reach over relations."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        model: type[models.Model],
        field: str,
        value: Any,
        where: models.Q | None,
    ) -> None:
        super().__init__(model, where)
        self.field = field
        self.written_column = getattr(model._meta.get_field(field), "column", None)
        self.value = assignable(connection, model, field, value)

    def apply(self, rows: Batch) -> None:
        """Update the rows in one statement."""
        rows.update(**{self.field: self.value})


class CallPython(QuerysetWork):
    """Hand each batch to a function as a queryset."""

    def __init__(
        self,
        model: type[models.Model],
        code: Callable[[Any, models.QuerySet[Any]], object],
        apps: Any,
        where: models.Q | None,
        batch_size: int | None,
    ) -> None:
        super().__init__(model, where)
        self.code = code
        self.apps = apps
        self.batch_size = batch_size

    def apply(self, rows: Batch) -> None:
        """Call the function with the rows."""
        self.code(self.apps, rows)
