"""Walking a table in the order of its primary key, range by range.

Keys are walked, not counted: a step takes the next `limit` keys that exist, so that gaps and
clusters do not matter, and no step re-reads what an earlier one passed. A key travels as text of
its own type, so one cursor column fits every type that PostgreSQL can index; a key of several
columns travels as a JSON array of such texts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

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
        if self.rows == 1:
            return f"key {self.upto}"
        start = "the first" if self.after is None else f"after {self.after}"
        return f"keys from {start} to {self.upto}"


@dataclass(frozen=True)
class KeyColumn:
    """A column of a key; `sql` names it together with its table, quoted for parameters."""

    name: str
    sql: str
    type: str


@dataclass(frozen=True)
class Comparison:
    """Some columns of a key, taken together as a row, against as many values as text."""

    columns: tuple[KeyColumn, ...]
    operator: str
    values: tuple[str, ...]

    @property
    def sql(self) -> str:
        """The comparison as SQL with a parameter for each value."""
        values = ", ".join(f"%s::{column.type}" for column in self.columns)
        return f"({_listed(self.columns)}) {self.operator} ({values})"


@dataclass(frozen=True)
class Key:
    """The primary key that a table is walked by, quoted for statements with parameters."""

    table: str
    columns: tuple[KeyColumn, ...]

    @classmethod
    def of(cls, connection: BaseDatabaseWrapper, table: str) -> Key:
        """Return the key of `table`, as Django names it.

        Raises:
            Refused: the table has no primary key.
        """
        columns = catalog.primary_key(connection, table)
        if not columns:
            raise Refused(
                f'Table "{table}" has no primary key, and a backfill walks a table by its primary '
                "key. Give it one, or move its rows with RunPython or RunSQL instead."
            )
        quoted = quote_for_parameters(connection, table)
        return cls(
            quoted,
            tuple(
                KeyColumn(
                    column.name,
                    f"{quoted}.{quote_for_parameters(connection, column.name)}",
                    column.type.replace("%", "%%"),
                )
                for column in columns
            ),
        )

    @property
    def sql(self) -> str:
        """The columns with commas between them, as in ORDER BY."""
        return _listed(self.columns)

    @property
    def text(self) -> str:
        """An SQL expression of a row's key as it travels."""
        return self._as_text([column.sql for column in self.columns])

    def comparisons(self, keys: KeyRange) -> list[Comparison]:
        """Return what is true together for the rows of `keys`.

        For the planner's sake more than is needed for a key of several columns. It judges a
        comparison of rows by the first column and never sees that two of them are a range, so it
        would rather read the whole table for each batch. Of what is said here about the leading
        columns by themselves it knows how rare it is.
        """
        upto = self._values(keys.upto)
        if keys.after is None:
            return [Comparison(self.columns, "<=", upto)]
        after = self._values(keys.after)
        shared = 0
        while shared < len(self.columns) - 1 and after[shared] == upto[shared]:
            shared += 1
        found = [Comparison(self.columns[:shared], "=", upto[:shared])] if shared else []
        rest, after, upto = self.columns[shared:], after[shared:], upto[shared:]
        if len(rest) > 1:
            found += [Comparison(rest[:1], ">=", after[:1]), Comparison(rest[:1], "<=", upto[:1])]
        return [*found, Comparison(rest, ">", after), Comparison(rest, "<=", upto)]

    def condition(self, keys: KeyRange) -> tuple[str, list[str]]:
        """Return an SQL condition that is true for the rows of `keys`, and its parameters."""
        return _all_of(self.comparisons(keys))

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
        names = [f"zero_downtime_key_{number}" for number in range(len(self.columns))]
        ordered = ", ".join(names)
        steps = [self._step(names, comparisons, limit) for comparisons in self._steps(after, upto)]
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {self._as_text(names)}, zero_downtime_position FROM ("
                f"SELECT *, row_number() OVER (ORDER BY {ordered}) AS zero_downtime_position "
                f"FROM ({' UNION ALL '.join(sql for sql, _ in steps)}) AS zero_downtime_keys "
                f"ORDER BY {ordered} LIMIT {limit:d}"
                f") AS zero_downtime_keys ORDER BY zero_downtime_position DESC LIMIT 1",
                [param for _, params in steps for param in params],
            )
            row = cursor.fetchone()
        return KeyRange(after, row[0], row[1]) if row else None

    def _steps(self, after: str | None, upto: str | None) -> Iterator[list[Comparison]]:
        """Yield, nearest first, the conditions one of which is true for each key after `after`.

        `(a, b) > (1, 2)` says the same as `a = 1 AND b > 2` and `a > 1`. But of the former the
        planner believes that it leaves as few rows as `a > 1`, and would fetch and sort them all.
        """
        end = [] if upto is None else [Comparison(self.columns, "<=", self._values(upto))]
        if after is None:
            yield end
            return
        values = self._values(after)
        for shared in reversed(range(len(self.columns))):
            same = Comparison(self.columns[:shared], "=", values[:shared])
            beyond = slice(shared, shared + 1)
            further = Comparison(self.columns[beyond], ">", values[beyond])
            yield [*([same] if shared else []), further, *end]

    def _step(
        self, names: Sequence[str], comparisons: Sequence[Comparison], limit: int
    ) -> tuple[str, list[str]]:
        named = ", ".join(
            f"{column.sql} AS {name}" for column, name in zip(self.columns, names, strict=True)
        )
        condition, params = _all_of(comparisons)
        return (
            f"(SELECT {named} FROM {self.table} WHERE {condition} "
            f"ORDER BY {self.sql} LIMIT {limit:d})",
            params,
        )

    def last(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the greatest key of the table; None if it is empty."""
        backwards = ", ".join(f"{column.sql} DESC" for column in self.columns)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {self.text} FROM {self.table} ORDER BY {backwards} LIMIT 1", [])
            row = cursor.fetchone()
        return row[0] if row else None

    def rows_done(self, keys: KeyRange, changed: int | None) -> int:
        """Return how many rows count as done with `keys`; `changed` is how many were, if known."""
        return keys.rows

    def named(self, connection: BaseDatabaseWrapper, keys: KeyRange) -> str:
        """Return what people know the rows of `keys` by."""
        return str(keys)

    def split(self, connection: BaseDatabaseWrapper, keys: KeyRange) -> list[KeyRange]:
        """Return the two halves of `keys`, by the rows that are there now.

        Of a range with one row that row is returned, of an empty one nothing.
        """
        rows = self._count(connection, keys)
        first = self.next_range(connection, keys.after, max(1, rows // 2), keys.upto)
        if first is None:
            return []
        if rows <= 1:
            return [first]
        return [first, KeyRange(first.upto, keys.upto, rows - first.rows)]

    def _count(self, connection: BaseDatabaseWrapper, keys: KeyRange) -> int:
        condition, params = self.condition(keys)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {self.table} WHERE {condition}", params)
            return int(cursor.fetchone()[0])

    def _values(self, key: str) -> tuple[str, ...]:
        """Return the text of each column."""
        return (key,) if len(self.columns) == 1 else tuple(json.loads(key))

    def _as_text(self, columns: Sequence[str]) -> str:
        texts = [f"{column}::text" for column in columns]
        return texts[0] if len(texts) == 1 else f"json_build_array({', '.join(texts)})::text"


def _listed(columns: Sequence[KeyColumn]) -> str:
    return ", ".join(column.sql for column in columns)


def _all_of(comparisons: Sequence[Comparison]) -> tuple[str, list[str]]:
    condition = " AND ".join(comparison.sql for comparison in comparisons) or "true"
    return condition, [value for comparison in comparisons for value in comparison.values]
