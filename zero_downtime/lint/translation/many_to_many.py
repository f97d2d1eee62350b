"""The tables that Django makes for many-to-many fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.migrations.utils import resolve_relation

from zero_downtime.lint.columns import has_table_in_database
from zero_downtime.lint.model_states import AnyField, many_to_many_table, table_name
from zero_downtime.lint.translation.context import Context, Translation
from zero_downtime.postgres import statements as sql


def created(name: str, field: Any, context: Context) -> Translation:
    table = many_to_many_table(context.table, name, field)
    if table is None:
        return Translation()
    ends = _ends(field, context)
    return Translation.of(
        [sql.CreateTable(table)], [sql.AddForeignKey(table, target=end) for end in ends]
    )


def dropped(name: str, field: Any, context: Context) -> Translation:
    table = many_to_many_table(context.table, name, field)
    if table is None:
        return Translation()
    return Translation.of([sql.DropTable(table, tuple(_ends(field, context)))])


def altered(old_name: str, old: Any, new_name: str, new: Any, context: Context) -> Translation:
    """Rename the table, and add the foreign key anew if it points elsewhere."""
    before = many_to_many_table(context.table, old_name, old)
    after = many_to_many_table(context.table, new_name, new)
    if (before is None) != (after is None):
        why = "Django does not add or remove through= of a many-to-many field"
        return Translation.of([sql.Refused(context.table, why)])
    if before is None or after is None:
        return Translation()
    return Translation.of(_altered(before, old, after, new, context))


def _altered(
    before: str, old: AnyField, after: str, new: AnyField, context: Context
) -> Iterator[sql.Statement]:
    if before != after:
        yield sql.RenameTable(before, after)
    old_target, new_target = (_target(field, context) for field in (old, new))
    if old_target != new_target:
        yield sql.DropConstraint(after, target=old_target)
        old_column, new_column = (_column(field, context) for field in (old, new))
        if old_column != new_column:
            yield sql.RenameColumn(after, old_column, new_column)
        yield sql.AddForeignKey(after, target=new_target)


def _ends(field: Any, context: Context) -> Iterator[str]:
    """Yield the tables that the foreign keys of the field's table point at."""
    if not field.remote_field.db_constraint:
        return
    yield from dict.fromkeys(end for end in (context.table, _target(field, context)) if end)


def _column(field: Any, context: Context) -> str:
    """Return the column that points at the other model."""
    _, name = _target_model(field, context)
    model = context.after or context.before
    return f"to_{name}_id" if model and name == model.name_lower else f"{name}_id"


def _target_model(field: Any, context: Context) -> tuple[str, str]:
    model = context.after or context.before
    assert model is not None
    key: tuple[str, str] = resolve_relation(
        field.remote_field.model, model.app_label, model.name_lower
    )
    return key


def _target(field: Any, context: Context) -> str:
    target = context.state.models.get(_target_model(field, context))
    return table_name(target) if target and has_table_in_database(target) else ""
