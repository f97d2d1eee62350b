"""Walking a table in the order of its primary key, range by range.

Keys are walked, not counted: a step takes the next `limit` keys that exist, so that gaps and
clusters do not matter, and no step re-reads what an earlier one passed. A key travels as text of
its own type, so one cursor column fits every type that PostgreSQL can index.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL

from zero_downtime.errors import Refused
from zero_downtime.postgres import catalog
from zero_downtime.postgres.identifiers import quote_for_parameters


@dataclass(frozen=True)
class KeyRange:
    """The keys k with `after < k <= upto`; `after` is None at the start of the table."""

    after: str | None
    upto: str
    rows: int

    def __str__(self) -> str:
        start = "the first" if self.after is None else f"after {self.after}"
        return f"keys from {start} to {self.upto}"


@dataclass(frozen=True)
class Key:
    """The primary key that a table is walked by, quoted for statements with parameters."""

    table: str
    column: str
    type: str

    @classmethod
    def of(cls, connection: BaseDatabaseWrapper, table: str) -> Key:
        """Return the key of `table`, as Django names it.

        Raises:
            Refused: the table has no primary key, or one of several columns.
        """
        columns = catalog.primary_key(connection, table)
        if len(columns) != 1:
            problem = "a primary key of several columns" if columns else "no primary key"
            raise Refused(
                f'Table "{table}" has {problem}, and a backfill walks a table by a primary key '
                "of one column. Move its rows with RunPython or RunSQL instead."
            )
        (column,) = columns
        return cls(
            quote_for_parameters(connection, table),
            quote_for_parameters(connection, column.name),
            column.type.replace("%", "%%"),
        )

    def condition(self, keys: KeyRange) -> tuple[str, list[str]]:
        """Return an SQL condition that is true for the rows of `keys`, and its parameters."""
        upper = f"{self.column} <= %s::{self.type}"
        if keys.after is None:
            return upper, [keys.upto]
        return f"{self.column} > %s::{self.type} AND {upper}", [keys.after, keys.upto]

    def literal(self, key: str) -> RawSQL:
        """Return a key for a queryset. Not every model field could read it from text."""
        return RawSQL(f"%s::{self.type}", [key])

    def next_range(
        self,
        connection: BaseDatabaseWrapper,
        after: str | None,
        limit: int,
        upto: str | None = None,
    ) -> KeyRange | None:
        """Return the next at most `limit` keys after `after`, up to `upto`; None if none are left.

        Both bounds are open when they are None.
        """
        bounds = {">": after, "<=": upto}
        conditions = [
            f"{self.column} {operator} %s::{self.type}"
            for operator, bound in bounds.items()
            if bound is not None
        ]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT key::text, position FROM ("
                f"SELECT {self.column} AS key, "
                f"row_number() OVER (ORDER BY {self.column}) AS position "
                f"FROM {self.table} {where} ORDER BY {self.column} LIMIT {limit:d}"
                f") AS keys ORDER BY position DESC LIMIT 1",
                [bound for bound in bounds.values() if bound is not None],
            )
            row = cursor.fetchone()
        return KeyRange(after, row[0], row[1]) if row else None

    def last(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the greatest key of the table; None if it is empty."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT key::text FROM (SELECT {self.column} AS key FROM {self.table} "
                f"ORDER BY {self.column} DESC LIMIT 1) AS last",
                [],
            )
            row = cursor.fetchone()
        return row[0] if row else None
