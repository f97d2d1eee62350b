"""Indexes and constraints that models declare in their Meta."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db.migrations import AddConstraint, AddIndex, RemoveConstraint, RemoveIndex, RenameIndex
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.models import AlterTogetherOptionOperation
from django.db.models import BaseConstraint, CheckConstraint, UniqueConstraint

from zero_downtime.lint.expressions import field_not_null, mentions
from zero_downtime.lint.model_states import column_name
from zero_downtime.lint.translation.context import Context, Translation
from zero_downtime.postgres import statements as sql


def add_index(operation: AddIndex, context: Context) -> Translation:
    if not context.has_table:
        return Translation()
    index = operation.index
    return Translation.of(
        [
            sql.CreateIndex(
                context.table,
                index.name,
                concurrently=isinstance(operation, AddIndexConcurrently),
                columns=_columns(context, [name.lstrip("-") for name in index.fields]),
            )
        ]
    )


def remove_index(operation: RemoveIndex, context: Context) -> Translation:
    if not context.has_table:
        return Translation()
    concurrently = isinstance(operation, RemoveIndexConcurrently)
    return Translation.of([sql.DropIndex(context.table, operation.name, concurrently=concurrently)])


def rename_index(operation: RenameIndex, context: Context) -> Translation:
    """Rename it, which locks the index alone."""
    return Translation()


def add_constraint(operation: AddConstraint, context: Context) -> Translation:
    if not context.has_table:
        return Translation()
    valid = not isinstance(operation, AddConstraintNotValid)
    return Translation.of(_added(operation.constraint, context, valid=valid))


def remove_constraint(operation: RemoveConstraint, context: Context) -> Translation:
    if not context.has_table or context.before is None:
        return Translation()
    table, name = context.table, operation.name
    constraint = context.before.get_constraint_by_name(name)
    if not isinstance(constraint, UniqueConstraint):
        return Translation.of([sql.DropConstraint(table, name)])
    columns = _columns(context, constraint.fields)
    if _is_index(constraint):
        # ON CONFLICT (columns), as Django writes it, finds no index but one of just columns.
        plain = not (constraint.condition or constraint.expressions)
        return Translation.of([sql.DropIndex(table, name, unique=plain, columns=columns)])
    return Translation.of([sql.DropConstraint(table, name, columns, unique=True)])


def validate_constraint(operation: ValidateConstraint, context: Context) -> Translation:
    return Translation.of([sql.ValidateConstraint(context.table, operation.name)])


def alter_together(operation: AlterTogetherOptionOperation, context: Context) -> Translation:
    if not context.has_table or context.before is None:
        return Translation()
    option = operation.option_name
    old = {tuple(group) for group in context.before.options.get(option) or ()}
    new = {tuple(group) for group in operation.option_value or ()}
    unique = option == "unique_together"
    return Translation.of(
        [_drop_together(context, group, unique=unique) for group in sorted(old - new)]
        + [_add_together(context, group, unique=unique) for group in sorted(new - old)]
    )


def _drop_together(context: Context, group: tuple[str, ...], *, unique: bool) -> sql.Statement:
    if unique:
        return sql.DropConstraint(context.table, columns=_columns(context, group), unique=True)
    return sql.DropIndex(context.table)


def _add_together(context: Context, group: tuple[str, ...], *, unique: bool) -> sql.Statement:
    columns = _columns(context, group)
    if unique:
        return sql.AddUnique(context.table, columns=columns, implied=_is_implied(group, context))
    return sql.CreateIndex(context.table, columns=columns)


def _added(constraint: BaseConstraint, context: Context, *, valid: bool) -> Iterator[sql.Statement]:
    table, name = context.table, constraint.name
    if isinstance(constraint, CheckConstraint):
        not_null = _columns(context, [field_not_null(constraint.condition)])  # one at most
        yield sql.AddCheck(
            table,
            name,
            _columns_of(constraint.condition, context),
            valid=valid,
            proves_not_null=next(iter(not_null), ""),
        )
    elif isinstance(constraint, UniqueConstraint):
        columns = _columns(context, constraint.fields)
        distinct = constraint.nulls_distinct is not False
        if _is_index(constraint):
            yield sql.CreateIndex(
                table, name, unique=True, columns=columns, nulls_distinct=distinct
            )
        else:
            implied = _is_implied(constraint.fields, context)
            yield sql.AddUnique(table, name, columns, implied=implied, nulls_distinct=distinct)
    elif isinstance(constraint, ExclusionConstraint):
        yield sql.AddExclusion(table, name)


def _is_implied(names: Any, context: Context) -> bool:
    """Tell whether some of the fields are unique already, so that no two rows can be alike."""
    model = context.before
    assert model is not None
    together = [set(group) for group in model.options.get("unique_together") or ()]
    return any(name in model.fields and model.fields[name].unique for name in names) or any(
        group <= set(names) for group in together
    )


def _is_index(constraint: Any) -> bool:
    """Tell whether Django makes it as a unique index, which lets reads go on."""
    return bool(
        constraint.condition or constraint.include or constraint.opclasses or constraint.expressions
    )


def _columns_of(condition: Any, context: Context) -> tuple[str, ...]:
    """Return the columns that a condition is about."""
    model = context.after or context.before
    assert model is not None
    return _columns(context, [name for name in model.fields if mentions(condition, name)])


def _columns(context: Context, names: Any) -> tuple[str, ...]:
    model = context.after or context.before
    assert model is not None
    found = (
        column_name(name, model.fields[name]) if name in model.fields else None for name in names
    )
    return tuple(column for column in found if column)


HANDLERS: dict[type[Operation], Callable[[Any, Context], Translation]] = {
    AddIndex: add_index,
    AddIndexConcurrently: add_index,
    RemoveIndex: remove_index,
    RemoveIndexConcurrently: remove_index,
    RenameIndex: rename_index,
    AddConstraint: add_constraint,
    AddConstraintNotValid: add_constraint,
    RemoveConstraint: remove_constraint,
    ValidateConstraint: validate_constraint,
    AlterTogetherOptionOperation: alter_together,
}
