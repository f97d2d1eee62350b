"""Names that something else has already."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.model_states import column_name, has_table, table_name
from zero_downtime.lint.translation.context import Context, Translation
from zero_downtime.postgres.statements import AddColumn, CreateIndex, CreateTable, Statement


def taken(translation: Translation, context: Context) -> Iterator[Statement]:
    """Yield the statements that make something of a name that an earlier migration has given."""
    for statement in (each for group in translation.now for each in group):
        match statement:
            case CreateIndex(if_not_exists=False) if context.schema.has_index(statement):
                yield statement
            case AddColumn() if _is_taken_column(statement, context):
                yield statement
            case CreateTable(if_not_exists=False) if _is_taken_table(statement, context):
                yield statement


def _is_taken_column(added: AddColumn, context: Context) -> bool:
    made = (added.table, added.column) in context.schema.columns
    return (made and not added.if_not_exists) or _is_of_two_fields(added.column, context)


def _is_of_two_fields(column: str, context: Context) -> bool:
    if context.after is None:
        return False
    fields = context.after.fields
    given = [column_name(name, each) for name, each in fields.items() if each.db_column]
    return column in given and (column in fields or given.count(column) > 1)


def _is_taken_table(created: CreateTable, context: Context) -> bool:
    if created.table in context.schema.tables:
        return True
    model = context.after
    if model is not None and not model.options.get("db_table"):
        return False  # names that Django makes up are all different
    return any(
        table_name(other) == created.table
        for other in context.state.models.values()
        if other is not model and has_table(other)
    )
