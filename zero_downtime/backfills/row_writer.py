"""Writing many values in one statement: columns travel as arrays of text, in JSON.

Text is what every type of PostgreSQL can be read from, arrays and JSON among them, which an array
of their own type could not carry.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills.assignments import Assignment
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.errors import Refused
from zero_downtime.postgres import catalog
from zero_downtime.postgres.identifiers import quote_for_parameters
from zero_downtime.postgres.planner import JOINS_BUT_MERGE, SCANS_OUT_OF_ORDER, without


class RowWriter:
    """Writes to rows of one range of keys, and to no others."""

    def __init__(
        self,
        model: type[models.Model],
        connection: BaseDatabaseWrapper,
        key: Key,
        keys: KeyRange,
    ) -> None:
        self.model = model
        self.connection = connection
        self.key = key
        self.keys = keys

    def write(self, assignments: Sequence[Assignment]) -> int:
        """Write all assignments and return how many rows there were.

        Locks: the rows, in key order: clients that write several rows mostly do so in key order
        too, and the common order keeps the two from waiting for each other in a circle.
        """
        types = catalog.input_types(self.connection, self.model._meta.db_table)
        texts = [self._key_texts(assignment.keys) for assignment in assignments]
        everything: list[list[str | None]] = [
            list(chain(*parts)) for parts in zip(*texts, strict=True)
        ]
        if not everything:
            return 0
        with (
            transaction.atomic(using=self.connection.alias),
            without(self.connection, (*SCANS_OUT_OF_ORDER, *JOINS_BUT_MERGE)),
        ):
            if len(assignments) > 1:  # each statement has its own order, but not all together
                self._lock(everything, types)
            updated = sum(
                self._update(assignment, keys, types)
                for assignment, keys in zip(assignments, texts, strict=True)
            )
            if updated < len(everything[0]):
                self._require_inside(everything, types)
        return updated

    @property
    def _key_fields(self) -> Sequence[Any]:
        return self.model._meta.pk_fields

    def _key_texts(self, keys: list[Any]) -> list[list[str | None]]:
        fields = self._key_fields
        columns = [keys] if len(fields) == 1 else [list(each) for each in zip(*keys, strict=True)]
        return self._texts(fields, columns)

    def _texts(self, fields: Iterable[Any], columns: list[list[Any]]) -> list[list[str | None]]:
        return [
            as_text(
                self.connection,
                [field.get_db_prep_save(value, self.connection) for value in column],
            )
            for field, column in zip(fields, columns, strict=True)
        ]

    def _lock(self, keys: list[list[str | None]], types: dict[str, str]) -> None:
        condition, params = self.key.condition(self.keys)
        given = self._given(self._key_fields, types)
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"SELECT count(*) FROM (SELECT FROM {self.key.table} "
                f"WHERE ({self._key_columns()}) IN ({given}) AND {condition} "
                f"ORDER BY {self.key.sql} FOR NO KEY UPDATE) AS locked",
                [*_json(keys), *params],
            )

    def _require_inside(self, keys: list[list[str | None]], types: dict[str, str]) -> None:
        """Tell rows of other batches, which are refused, from rows that exist no more."""
        condition, params = self.key.condition(self.keys)
        given = self._given(self._key_fields, types)
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {self.key.text} FROM {self.key.table} "
                f"WHERE ({self._key_columns()}) IN ({given}) AND NOT ({condition}) LIMIT 1",
                [*_json(keys), *params],
            )
            outside = cursor.fetchone()
        if outside is not None:
            raise Refused(
                f"update_rows was given key {outside[0]} of {self.model._meta.label}, which is "
                f"not in its batch ({self.keys}). Give it only rows of the queryset."
            )

    def _update(
        self, assignment: Assignment, keys: list[list[str | None]], types: dict[str, str]
    ) -> int:
        fields = [*self._key_fields, *assignment.fields]
        names = [f"zero_downtime_rows.{name}" for name in _names(fields)]
        own, values = names[: len(keys)], names[len(keys) :]
        target = ", ".join(
            f"{self._quoted(field)} = {value}"
            for field, value in zip(assignment.fields, values, strict=True)
        )
        condition, params = self.key.condition(self.keys)
        order = ", ".join(str(number) for number in range(1, len(keys) + 1))
        with self.connection.cursor() as cursor:
            # The range keeps rows of other batches out.
            cursor.execute(
                f"UPDATE {self.key.table} SET {target} "
                f"FROM ({self._given(fields, types)} ORDER BY {order}) AS zero_downtime_rows "
                f"WHERE ({self._key_columns()}) = ({', '.join(own)}) AND {condition}",
                [*_json(keys), *_json(self._texts(assignment.fields, assignment.columns)), *params],
            )
            return int(cursor.rowcount)

    def _given(self, fields: Sequence[Any], types: dict[str, str]) -> str:
        """Return a query of rows from one array in JSON for each field."""
        names = _names(fields)
        arrays = ", ".join("json_array_elements_text(%s::json)" for _ in fields)
        typed = ", ".join(
            f"{name}::{types[field.column].replace('%', '%%')} AS {name}"
            for name, field in zip(names, fields, strict=True)
        )
        return f"SELECT {typed} FROM ROWS FROM ({arrays}) AS given ({', '.join(names)})"

    def _key_columns(self) -> str:
        return ", ".join(f"{self.key.table}.{self._quoted(field)}" for field in self._key_fields)

    def _quoted(self, field: Any) -> str:
        return quote_for_parameters(self.connection, field.column)


def _names(fields: Sequence[object]) -> list[str]:
    return [f"zero_downtime_{number}" for number in range(len(fields))]


def _json(columns: Iterable[list[str | None]]) -> list[str]:
    """Return each column as an array in JSON; psycopg is slower to write one of PostgreSQL."""
    return [json.dumps(column) for column in columns]


def as_text(connection: BaseDatabaseWrapper, values: Sequence[Any]) -> list[str | None]:
    """Return values, prepared for the database, as PostgreSQL would read them from text."""
    # psycopg is there only where PostgreSQL is.
    from psycopg.adapt import PyFormat, Transformer

    adapted = Transformer(connection.connection).dump_sequence(
        values, [PyFormat.TEXT] * len(values)
    )
    return [None if each is None else str(each, "utf-8") for each in adapted]
