"""Operations on whole models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db.migrations import (
    AlterModelTable,
    AlterOrderWithRespectTo,
    CreateModel,
    DeleteModel,
    RenameModel,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState
from django.db.migrations.utils import resolve_relation

from zero_downtime.lint.columns import column_of, relations_to
from zero_downtime.lint.model_states import (
    has_table,
    many_to_many_table,
    table_name,
)
from zero_downtime.lint.translation import many_to_many
from zero_downtime.lint.translation.context import Context, Translation
from zero_downtime.postgres import statements as sql


def create_model(operation: CreateModel, context: Context) -> Translation:
    model = context.after
    if model is None or not has_table(model):
        return Translation()
    table = table_name(model)
    others = [
        many_to_many.created(name, field, context)
        for name, field in model.fields.items()
        if field.many_to_many
    ]
    return Translation.of(
        [
            sql.CreateTable(table),
            *(each for other in others for group in other.now for each in group),
        ],
        [
            sql.AddForeignKey(table, columns=(column.name,), target=column.references)
            for name, field in model.fields.items()
            if field.is_relation
            and (column := column_of(name, field, model, context.state))
            and column.references
        ]
        + [each for other in others for each in other.later],
    )


def delete_model(operation: DeleteModel, context: Context) -> Translation:
    model = context.before
    if model is None or not has_table(model):
        return Translation()
    table = table_name(model)
    return Translation.of(
        [
            *(
                dropped
                for name, field in model.fields.items()
                if field.many_to_many
                for [dropped] in many_to_many.dropped(name, field, context).now
            ),
            sql.DropTable(table, tuple(_neighbours(model, context))),
        ]
    )


def _neighbours(model: ModelState, context: Context) -> dict[str, None]:
    """Return the tables that share a foreign key with the model's."""
    columns = (column_of(name, field, model, context.state) for name, field in model.fields.items())
    others = [column.references for column in columns if column and column.references]
    others += [
        table_name(other)
        for other, _, key in relations_to((model.app_label, model.name_lower), context.state)
        if key.db_constraint and has_table(other)
    ]
    return dict.fromkeys(others)


def rename_model(operation: RenameModel, context: Context) -> Translation:
    """Rename the table, and all that is named after it; foreign keys to it are added anew."""
    if not context.has_table or context.before is None or context.after is None:
        return Translation()
    return Translation.of(_renamed_model(operation, context.before, context.after, context))


def _renamed_model(
    operation: RenameModel, before: ModelState, after: ModelState, context: Context
) -> Iterator[sql.Statement]:
    old, new = table_name(before), table_name(after)
    if old != new:
        yield sql.RenameTable(old, new)
    key = (context.app_label, operation.new_name_lower)
    # Where the table keeps its name, Django's schema editor sees no change in a key to it.
    for other, name, field in list(relations_to(key, context.state)) if old != new else ():
        column = column_of(name, field, other, context.state)
        if has_table(other) and column and column.references:
            # The field names another model, so Django's schema editor makes its key again.
            yield sql.DropConstraint(table_name(other), target=new)
            yield sql.AddForeignKey(table_name(other), columns=(column.name,), target=new)
    yield from _incoming_many_to_many(operation, context, new)
    for name, field in after.fields.items():
        if not field.many_to_many:
            continue
        old_m2m, new_m2m = (many_to_many_table(each, name, field) for each in (old, new))
        if old_m2m is None or new_m2m is None:
            continue
        if old_m2m != new_m2m:
            yield sql.RenameTable(old_m2m, new_m2m)
        yield from _renamed_end(new_m2m, operation, new)


def _incoming_many_to_many(
    operation: RenameModel, context: Context, table: str
) -> Iterator[sql.Statement]:
    """Yield what becomes of the tables of many-to-many fields that point at the model."""
    key = (context.app_label, operation.new_name_lower)
    for other in context.state.models.values():
        for name, field in other.fields.items():
            if not field.many_to_many or not has_table(other):
                continue
            remote: Any = field.remote_field
            if resolve_relation(remote.model, other.app_label, other.name_lower) != key:
                continue
            m2m = many_to_many_table(table_name(other), name, field)
            if m2m is not None and other is not context.after:
                yield from _renamed_end(m2m, operation, table)


def _renamed_end(m2m: str, operation: RenameModel, table: str) -> Iterator[sql.Statement]:
    """Yield how the column that points at the renamed model gets its new name."""
    old, new = operation.old_name_lower, operation.new_name_lower
    yield sql.DropConstraint(m2m, target=table)
    if old != new:
        yield sql.RenameColumn(m2m, f"{old}_id", f"{new}_id")
    yield sql.AddForeignKey(m2m, target=table)


def alter_model_table(operation: AlterModelTable, context: Context) -> Translation:
    if not context.has_table or context.before is None or context.after is None:
        return Translation()
    old, new = table_name(context.before), table_name(context.after)
    if old == new:
        return Translation()
    tables = [
        (many_to_many_table(old, name, field), many_to_many_table(new, name, field))
        for name, field in context.after.fields.items()
        if field.many_to_many
    ]
    return Translation.of(
        sql.RenameTable(before, after)
        for before, after in [(old, new), *tables]
        if before and after and before != after
    )


def alter_order(operation: AlterOrderWithRespectTo, context: Context) -> Translation:
    """Add or drop the column `_order`."""
    if not context.has_table or context.before is None or context.after is None:
        return Translation()
    option = "order_with_respect_to"
    had, has = (bool(each.options.get(option)) for each in (context.before, context.after))
    if has and not had:
        return Translation.of(
            [
                sql.AddColumn(
                    context.table,
                    "_order",
                    "integer",
                    not_null=True,
                    default=sql.Default.CONSTANT,
                    default_stays=False,
                ),
                sql.Brief(context.table, "DROP DEFAULT"),
            ]
        )
    if had and not has:
        return Translation.of([sql.DropColumn(context.table, "_order")])
    return Translation()


HANDLERS: dict[type[Operation], Callable[[Any, Context], Translation]] = {
    CreateModel: create_model,
    DeleteModel: delete_model,
    RenameModel: rename_model,
    AlterModelTable: alter_model_table,
    AlterOrderWithRespectTo: alter_order,
}
