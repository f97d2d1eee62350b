"""RunSQL and RunPython: what others have written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db.migrations import RunPython, RunSQL
from django.db.migrations.operations.base import Operation

from zero_downtime.lint.data_migrations import Place, python_code
from zero_downtime.lint.model_states import column_name, column_type, has_table, table_name
from zero_downtime.lint.python_code import Access, Blindness, Extent, Kind
from zero_downtime.lint.translation.context import Context, Translation
from zero_downtime.postgres import statements as sql
from zero_downtime.postgres.parsing import parse
from zero_downtime.postgres.type_changes import rewrites_table


def run_sql(operation: RunSQL, context: Context) -> Translation:
    """Read the SQL; each string of it is sent as a whole, and is one transaction at least."""
    return Translation(
        tuple(
            tuple(_informed(statement, context) for statement in together)
            for text, params in _texts(operation.sql)
            for together in _read(text, params)
        )
    )


def _texts(given: Any) -> Iterator[tuple[str, Any]]:
    """Yield what Django sends, with the parameters: a string, or each item of a list."""
    if given == RunSQL.noop:
        return
    for item in given if isinstance(given, list | tuple) else [given]:
        # Django accepts pairs only; what else there may be must not end the judgement.
        text, params, *_ = (*item, None, None) if isinstance(item, list | tuple) else (item, None)
        yield text, params


def _read(text: str, params: Any) -> Iterator[tuple[sql.Statement, ...]]:
    """Yield what runs together: all of several statements; of a single one it depends on that."""
    parsed = parse(str(text), has_params=params is not None)
    if len(parsed) > 1:
        yield tuple(statement for each in parsed for statement in each.statements)
        return
    for each in parsed:
        for is_alone, parts in groupby(each.statements, attrgetter("refuses_transaction")):
            group = tuple(parts)
            # It is in none, or ends the one that it is in: a block may have a COMMIT in its loop.
            yield from ((part,) for part in group) if is_alone else (group,)


def run_python(operation: RunPython, context: Context) -> Translation:
    """Read the function; each place that goes through rows, or sends SQL, is a statement."""
    code = python_code(operation)
    if code is None:
        return Translation()
    place = Place(context.app_label, context.state, context.schema.new_tables)
    statements = [each for access in code.accesses for each in _accessed(access, place, context)]
    unseen = [each for each in code.opaque if each.blindness is not Blindness.MODEL]
    if unseen and place.can_meet_rows():
        statements.append(sql.Opaque("", unseen[0].reason))
    return Translation.of(statements)


def _accessed(access: Access, place: Place, context: Context) -> Iterator[sql.Statement]:
    if access.kind is Kind.SCHEMA:
        yield sql.Opaque("", f"{access.operation}() in line {access.line}")
    elif access.kind is Kind.SQL:
        for parsed in parse(access.sql or "", has_params=access.has_params):
            for statement in parsed.statements:
                yield _informed(statement, context)
    elif place.grows(access):
        table = place.existing_table(access.model) or ""
        source = place.existing_table(access.source)
        if access.kind is Kind.WRITE:
            verb = "DELETE" if access.operation == "delete" else "UPDATE"
            yield sql.WriteRows(
                table,
                verb,
                reads=(source,) if source else (),
                batched=access.extent is Extent.BATCHES,
            )
        else:
            whole = access.extent is Extent.ALL and not access.filtered
            yield sql.ReadRows(
                table, in_memory=whole and access.kind is Kind.LOAD, line=access.line
            )


def _informed(statement: sql.Statement, context: Context) -> sql.Statement:
    """Return the statement with what the models know of its column, or of its table."""
    if isinstance(statement, sql.CreateTable) and statement.if_not_exists:
        is_there = statement.table in context.schema.tables or any(
            has_table(model) and table_name(model) == statement.table
            for model in context.state.models.values()
        )
        return sql.Brief("", "CREATE TABLE, which is there") if is_there else statement
    if not isinstance(statement, sql.AlterColumnType | sql.SetNotNull):
        return statement
    for model in context.state.models.values():
        if has_table(model) and table_name(model) == statement.table:
            for name, field in model.fields.items():
                if column_name(name, field) != statement.column:
                    continue
                if isinstance(statement, sql.AlterColumnType):
                    return _between(statement, column_type(field, model, context.state))
                if not field.null:
                    return sql.Brief(statement.table, "SET NOT NULL, which it is")
    return statement


def _between(statement: sql.AlterColumnType, before: str | None) -> sql.Statement:
    if before is None:
        return statement
    rewrites = statement.using or rewrites_table(before, statement.after)
    return replace(statement, before=before, rewrites=rewrites)


HANDLERS: dict[type[Operation], Callable[[Any, Context], Translation]] = {
    RunSQL: run_sql,
    RunPython: run_python,
}
