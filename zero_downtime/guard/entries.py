"""Writing an entry of the journal in one statement: every migration of a test run pays it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model

from zero_downtime.models import JournaledOperation, JournalEntry


def insert(
    connection: BaseDatabaseWrapper, entry: JournalEntry, operations: Sequence[JournaledOperation]
) -> None:
    """Insert an entry and its operations, and let `entry` know its primary key."""
    values = _values(connection, entry)
    for each in operations:
        values += _values(connection, each)
    with connection.cursor() as cursor:
        cursor.execute(_statement(connection, len(operations)), values)
        (entry.pk,) = cursor.fetchone()


def _statement(connection: BaseDatabaseWrapper, operations: int) -> str:
    entry = (
        f"INSERT INTO {JournalEntry._meta.db_table} ({_columns(JournalEntry)}) "
        f"VALUES ({_placeholders(connection, JournalEntry)}) RETURNING id"
    )
    if not operations:
        return entry
    rows = ", ".join([f"({_placeholders(connection, JournaledOperation)})"] * operations)
    return (
        f"WITH entry AS ({entry}), operations AS ("
        f"INSERT INTO {JournaledOperation._meta.db_table} "
        f"(entry_id, {_columns(JournaledOperation)}) "
        f"SELECT entry.id, operation.* FROM entry, (VALUES {rows}) AS operation"
        ") SELECT id FROM entry"
    )


@cache
def _columns(model: type[Model]) -> str:
    return ", ".join(f'"{field.column}"' for field in _fields(model))


@cache
def _placeholders(connection: BaseDatabaseWrapper, model: type[Model]) -> str:
    # The server would have to guess the types of what stands in VALUES by itself.
    types = [field.db_type(connection) for field in _fields(model)]
    return ", ".join(f"%s::{type_}" for type_ in types)


@cache
def _fields(model: type[Model]) -> list[Field[Any, Any]]:
    """Return what the database does not know by itself."""
    return [
        field
        for field in model._meta.concrete_fields
        if not (field.primary_key or field.is_relation)
    ]


def _values(connection: BaseDatabaseWrapper, row: Model) -> list[Any]:
    return [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in _fields(type(row))
    ]
