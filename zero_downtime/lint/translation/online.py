"""Our own operations, as statements each of which is a transaction under a lock timeout.

None of them is a hazard, so no rule is shown them. They say what to expect: which tables are
locked and how, and which are read or written as a whole meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState

from zero_downtime.lint.columns import column_of, relations_to
from zero_downtime.lint.expressions import mentions
from zero_downtime.lint.model_states import column_name, has_table, many_to_many_table, table_name
from zero_downtime.lint.translation import constraints, fields
from zero_downtime.lint.translation.context import Context
from zero_downtime.operations import (
    ContractAlterField,
    ContractRemoveField,
    ContractRenameField,
    ExpandAlterField,
    ExpandRemoveField,
    ExpandRenameField,
    SwitchAlterField,
)
from zero_downtime.operations.alter_field_step import AlterFieldStep
from zero_downtime.operations.backfill_operation import BackfillOperation
from zero_downtime.operations.online import OnlineChange
from zero_downtime.postgres import statements as sql

_STOCK = {**fields.HANDLERS, **constraints.HANDLERS}


def online(operation: Operation, context: Context) -> tuple[sql.Statement, ...]:
    """Return what an operation of ours does to the database; nothing if it is none."""
    for kind, handler in _HANDLERS.items():
        if isinstance(operation, kind) and context.has_table:
            return tuple(handler(operation, context))
    return ()


def _online_change(operation: OnlineChange, context: Context) -> Iterator[sql.Statement]:
    """Yield what Django's own operation does, each part of it in the way that blocks nobody.

    What has no such way is refused when it runs, unless the table is empty.
    """
    translation = _STOCK[operation.twin](operation, context)
    for statement in [*(each for group in translation.now for each in group), *translation.later]:
        yield from _in_steps(statement)


def _in_steps(statement: sql.Statement) -> Iterator[sql.Statement]:
    table = statement.table
    match statement:
        case sql.AddColumn(column=column):
            yield replace(
                statement,
                default=sql.Default.NONE,
                not_null=False,
                written="",
                check=False,
                references="",
                unique=False,
            )
            if statement.rewrites:
                yield sql.WriteRows(table, batched=True, columns=(column,))
                if statement.not_null:
                    yield from _in_steps(sql.SetNotNull(table, column))
            if statement.unique:
                yield from _in_steps(sql.AddUnique(table, columns=(column,)))
            if statement.check:
                yield from _in_steps(sql.AddCheck(table, columns=(column,)))
            if statement.references:
                key = sql.AddForeignKey(table, columns=(column,), target=statement.references)
                yield from _in_steps(key)
        case sql.AddUnique(using_index=False, columns=columns):
            yield sql.CreateIndex(table, unique=True, concurrently=True, columns=columns)
            yield replace(statement, using_index=True)
        case sql.AddCheck(valid=True):
            yield replace(statement, valid=False)
            yield sql.ValidateConstraint(table, statement.name)
        case sql.AddForeignKey(valid=True, target=target):
            yield replace(statement, valid=False)
            yield sql.ValidateConstraint(table, statement.name, target=target)
        case sql.SetNotNull(proven=False):
            yield from _in_steps(sql.AddCheck(table))
            yield replace(statement, proven=True)
            yield sql.DropConstraint(table)
        case sql.CreateIndex() | sql.DropIndex():
            yield replace(statement, concurrently=True)
        case sql.WriteRows():
            yield replace(statement, batched=True)
        case sql.AlterColumnType():
            yield replace(statement, rewrites=False, rereads="")
        case _:
            yield statement


def _backfill(operation: BackfillOperation, context: Context) -> Iterator[sql.Statement]:
    yield sql.WriteRows(context.table, batched=True)


def _expand_rename(operation: ExpandRenameField, context: Context) -> Iterator[sql.Statement]:
    if _keeps_column(operation, context):
        return
    yield sql.AddColumn(context.table)
    yield sql.CreateTrigger(context.table)
    yield from _indexes(operation.new_name, context.after, context)


def _contract_rename(operation: ContractRenameField, context: Context) -> Iterator[sql.Statement]:
    if _keeps_column(operation, context):
        return
    yield sql.ReadRows(context.table)
    yield sql.RenameColumn(context.table)


def _keeps_column(operation: ExpandRenameField | ContractRenameField, context: Context) -> bool:
    field = context.after.fields[operation.new_name] if context.after else None
    if field is None:
        return True
    return column_name(operation.old_name, field) == column_name(operation.new_name, field)


def _expand_removal(operation: ExpandRemoveField, context: Context) -> Iterator[sql.Statement]:
    model, table = context.before, context.table
    assert model is not None
    field = model.fields[operation.name]
    if field.many_to_many:
        between = many_to_many_table(table, operation.name, field)
        if between is not None:
            yield from _in_steps(sql.AddForeignKey(between, target=table))
        return
    yield sql.SetDefault(table)
    yield sql.CreateTrigger(table)
    column = column_of(operation.name, field, model, context.state)
    if column is not None and column.references:
        yield from _in_steps(sql.AddForeignKey(table, target=column.references))


def _contract_removal(operation: ContractRemoveField, context: Context) -> Iterator[sql.Statement]:
    if operation.archive:
        yield sql.ReadRows(context.table)
    yield sql.DropColumn(context.table)


def _expand_alter(operation: ExpandAlterField, context: Context) -> Iterator[sql.Statement]:
    for table in _family(operation, context):
        yield sql.AddColumn(table)
        yield sql.CreateTrigger(table)


def _switch(operation: SwitchAlterField, context: Context) -> Iterator[sql.Statement]:
    for table, (model, name) in _family(operation, context).items():
        yield sql.ReadRows(table)
        yield from _indexes(name, model, context)
        yield sql.RenameColumn(table)


def _contract_alter(operation: ContractAlterField, context: Context) -> Iterator[sql.Statement]:
    for table in _family(operation, context):
        yield sql.DropColumn(table)


def _family(
    operation: AlterFieldStep, context: Context
) -> dict[str, tuple[ModelState | None, str]]:
    """Return model and field, by table, of the column and of foreign keys that follow it."""
    model = context.after
    assert model is not None
    field = model.fields[operation.name]
    family: dict[str, tuple[ModelState | None, str]] = {context.table: (model, operation.name)}
    for other, name, key in relations_to((model.app_label, model.name_lower), context.state):
        to_field = key.remote_field.field_name
        if has_table(other) and (to_field == operation.name if to_field else field.primary_key):
            family.setdefault(table_name(other), (other, name))
    return family


def _indexes(name: str, model: ModelState | None, context: Context) -> Iterator[sql.Statement]:
    """Yield an index if there is one on the field, to stand for all of them."""
    if model is None:
        return
    field: Any = model.fields[name]
    options = model.options
    items = [*options.get("indexes", ()), *options.get("constraints", ())]
    groups = [*(options.get("unique_together") or ()), *(options.get("index_together") or ())]
    if (
        field.unique
        or field.db_index
        or any(name in group for group in groups)
        or any(name in getattr(item, "fields", ()) for item in items)
        or any(mentions(each, name) for item in items for each in getattr(item, "expressions", ()))
    ):
        yield sql.CreateIndex(table_name(model), concurrently=True)


_HANDLERS: dict[type[Operation], Callable[[Any, Context], Iterator[sql.Statement]]] = {
    OnlineChange: _online_change,
    BackfillOperation: _backfill,
    ExpandRenameField: _expand_rename,
    ContractRenameField: _contract_rename,
    ExpandRemoveField: _expand_removal,
    ContractRemoveField: _contract_removal,
    ExpandAlterField: _expand_alter,
    SwitchAlterField: _switch,
    ContractAlterField: _contract_alter,
}
