"""AddField, RemoveField, RenameField and AlterField."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db.migrations import AddField, AlterField, RemoveField, RenameField
from django.db.migrations.operations.base import Operation
from django.db.models import ForeignKey

from zero_downtime.lint.columns import (
    Column,
    column_of,
    database_default,
    fills_existing_rows,
)
from zero_downtime.lint.model_states import AnyField, column_name
from zero_downtime.lint.translation import alter_field, many_to_many
from zero_downtime.lint.translation.context import Context, Translation
from zero_downtime.postgres import statements as sql


def add_field(operation: AddField, context: Context) -> Translation:
    if not context.has_table or context.after is None:
        return Translation()
    if operation.field.many_to_many:
        return many_to_many.created(operation.name, operation.field, context)
    # The operation's own field: the state forgets a default that is not preserved.
    column = column_of(operation.name, operation.field, context.after, context.state)
    if column is None:
        return Translation()
    return added_column(context.table, column, operation.field)


def added_column(table: str, column: Column, field: AnyField) -> Translation:
    """Return what adds a column, with what Django makes for it besides."""
    add = sql.AddColumn(
        table,
        column.name,
        column.type,
        not_null=column.not_null and not column.generated,
        default=database_default(field),
        default_stays=field.has_db_default(),
        written=_written(column),
        check=bool(column.check),
        references=column.references,
        unique=column.unique,
    )
    fails = add.needs_a_value or add.repeats_a_value
    now: list[sql.Statement] = [add]
    if not field.has_db_default() and fills_existing_rows(field):
        now.append(sql.Brief(table, "DROP DEFAULT"))
    return Translation.of(now, () if fails else field_indexes(table, column))


def field_indexes(table: str, column: Column) -> Iterator[sql.CreateIndex]:
    """Yield the indexes that a new column gets by `db_index`, and for LIKE."""
    if column.indexed and not column.unique:
        yield sql.CreateIndex(table, columns=(column.name,))
    if column.like and (column.indexed or column.unique):
        yield sql.CreateIndex(table, columns=(column.name,))


def remove_field(operation: RemoveField, context: Context) -> Translation:
    if not context.has_table or context.before is None:
        return Translation()
    field = context.before.fields.get(operation.name)
    if field is None:
        return Translation()
    if field.many_to_many:
        return many_to_many.dropped(operation.name, field, context)
    column = column_of(operation.name, field, context.before, context.state)
    if column is None:
        name = column_name(operation.name, field)
        found = name is not None and isinstance(field, ForeignKey)  # of a model that is gone
        return Translation.of([sql.DropColumn(context.table, name or "")] if found else [])
    generated = bool(column.generated)
    drop = sql.DropColumn(context.table, column.name, column.references, generated=generated)
    if not column.references:
        return Translation.of([drop])
    return Translation.of([sql.DropConstraint(context.table, target=column.references), drop])


def rename_field(operation: RenameField, context: Context) -> Translation:
    return _altered(operation.old_name, operation.new_name, None, context)


def alter(operation: AlterField, context: Context) -> Translation:
    return _altered(operation.name, operation.name, operation.field, context)


def _altered(
    old_name: str, new_name: str, new_field: AnyField | None, context: Context
) -> Translation:
    if not context.has_table or context.before is None or context.after is None:
        return Translation()
    old = context.before.fields.get(old_name)
    new = new_field or context.after.fields.get(new_name)
    if old is None or new is None:
        return Translation()
    if bool(old.many_to_many) != bool(new.many_to_many):
        why = "Django does not alter fields to or from many-to-many"
        return Translation.of([sql.Refused(context.table, why)])
    if old.many_to_many:
        return many_to_many.altered(old_name, old, new_name, new, context)
    return Translation.of(alter_field.altered(old_name, old, new_name, new, context))


def _written(column: Column) -> str:
    """Return why the rows that exist are written anew when the column is added."""
    if column.generated == "stored":
        return "it is generated and stored"
    if column.suffix:
        return "every row gets a number"
    return ""


HANDLERS: dict[type[Operation], Callable[[Any, Context], Translation]] = {
    AddField: add_field,
    RemoveField: remove_field,
    RenameField: rename_field,
    AlterField: alter,
}
