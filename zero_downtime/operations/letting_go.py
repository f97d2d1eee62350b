"""Letting rows be deleted that a field refers to which new code does not know any more.

Old code, and Django in it, sees to what refers to a row before it deletes the row. New code has no
such field, so its DELETE would fail on the foreign key. Until the contract a second foreign key
beside Django's does what is needed in the database: it empties the reference, or deletes the row
of the table between. Django's own is checked at the end of the transaction, when that is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model

from zero_downtime.postgres import identifiers
from zero_downtime.postgres.changes import AddConstraint, DropConstraint
from zero_downtime.postgres.shapes import ConstraintShape, ForeignKeyTarget, TableShape
from zero_downtime.postgres.steps import OnlineTable


@dataclass(frozen=True)
class _Reference:
    table: str
    column: str
    target_table: str
    target_column: str
    action: str

    @property
    def name(self) -> str:
        return f"zero_downtime_{identifiers.digest(self.table, self.column)}_let_go"

    @property
    def constraint(self) -> ConstraintShape:
        target = ForeignKeyTarget(
            self.target_table, (self.target_column,), f"ON DELETE {self.action}"
        )
        return ConstraintShape("f", "", (self.column,), target=target)


def let_go(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], name: str) -> None:
    """Let rows be deleted that field `name` of `model` refers to.

    Locks: SHARE ROW EXCLUSIVE on both tables, briefly; then SHARE UPDATE EXCLUSIVE on the one that
    refers, while it is read.
    """
    for reference in _references(model, name):
        table = _table(schema_editor, reference)
        table.apply(AddConstraint(reference.name, reference.constraint))


def stop_letting_go(schema_editor: BaseDatabaseSchemaEditor, model: type[Model], name: str) -> None:
    """Leave it to Django's foreign key again.

    Locks: ACCESS EXCLUSIVE on both tables, briefly.
    """
    for reference in _references(model, name):
        table = _table(schema_editor, reference)
        if schema_editor.collect_sql or reference.name in table.shape().constraints:
            table.apply(DropConstraint(reference.name, reference.constraint))


def _references(model: type[Model], name: str) -> Iterator[_Reference]:
    field: Any = model._meta.get_field(name)
    if field.many_to_many:
        through = field.remote_field.through
        if through._meta.auto_created:
            for each in through._meta.local_concrete_fields:
                if each.is_relation:
                    yield from _reference(through, each, "CASCADE")
    elif field.is_relation:
        yield from _reference(model, field, "SET NULL")


def _reference(model: type[Model], field: Any, action: str) -> Iterator[_Reference]:
    does_so_already = hasattr(field.remote_field.on_delete, "on_delete_sql")
    if field.db_constraint and not does_so_already:
        yield _Reference(
            model._meta.db_table,
            field.column,
            field.remote_field.model._meta.db_table,
            field.target_field.column,
            action,
        )


def _table(schema_editor: BaseDatabaseSchemaEditor, reference: _Reference) -> OnlineTable:
    return OnlineTable(
        schema_editor, reference.table, fill=_fill_nothing, targets={}, wanted=TableShape()
    )


def _fill_nothing(table: str, column: str, value: str) -> None:
    raise AssertionError(f"a foreign key leaves the values of {table}.{column} as they are")
