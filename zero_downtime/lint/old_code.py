"""What the models of code that is still running know of the database."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.migrations import (
    AddField,
    AlterField,
    AlterModelTable,
    AlterOrderWithRespectTo,
    DeleteModel,
    RemoveField,
    RenameField,
    RenameModel,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from zero_downtime.lint.model_states import (
    AnyField,
    column_name,
    many_to_many_table,
    many_to_many_tables,
    table_name,
)

TAKING_AWAY = (
    DeleteModel,
    RenameModel,
    AlterModelTable,
    AlterOrderWithRespectTo,
    RemoveField,
    RenameField,
    AlterField,
)
"""Operations that take something out of the state."""


@dataclass
class OldCode:
    """What the models of running code know that this migration, or its plan, takes away."""

    state: ProjectState
    lost_tables: set[str] = field(default_factory=set)
    lost_columns: set[tuple[str, str]] = field(default_factory=set)
    new_columns: set[tuple[str, str]] = field(default_factory=set)
    """Those that columns have got meanwhile: running code knows none of them by that name."""

    def knows_table(self, table: str) -> bool:
        return table in self.lost_tables or any(
            table in (table_name(model), *many_to_many_tables(model))
            for model in self.state.models.values()
            if not model.options.get("proxy")
        )

    def knows_column(self, table: str, column: str) -> bool:
        if (table, column) in self.new_columns:
            return False
        return (
            (table, column) in self.lost_columns
            or table in self.lost_tables
            or self.field(table, column) is not None
            or any(table in many_to_many_tables(model) for model in self.state.models.values())
        )

    def field(self, table: str, column: str) -> AnyField | None:
        """Return the field of the column, if a model still has it."""
        return next(
            (
                each
                for model in self.state.models.values()
                if table_name(model) == table
                for name, each in model.fields.items()
                if column_name(name, each) == column
            ),
            None,
        )

    def learn(self, operation: Operation, before: ModelState | None) -> None:
        """Take in what `operation` is about to take out of the state of its model."""
        if before is None:
            return
        table = table_name(before)
        if isinstance(operation, DeleteModel | RenameModel | AlterModelTable):
            self.lost_tables.update([table, *many_to_many_tables(before)])
        elif isinstance(operation, AlterOrderWithRespectTo):
            if before.options.get("order_with_respect_to"):
                self.lost_columns.add((table, "_order"))
        elif isinstance(operation, RemoveField | RenameField | AlterField):
            name = operation.old_name if isinstance(operation, RenameField) else operation.name
            known = before.fields.get(name)
            if known is None:
                return
            column = column_name(name, known)
            if column is not None:
                self.lost_columns |= {(table, column)} - self.new_columns
            elif known.many_to_many:
                self.lost_tables.update(filter(None, [many_to_many_table(table, name, known)]))

    def meet(self, operation: Operation, after: ModelState | None) -> None:
        """Take in the column that `operation` has put into the state of its model."""
        if after is None or not isinstance(operation, AddField | RenameField | AlterField):
            return
        name = operation.new_name if isinstance(operation, RenameField) else operation.name
        column = column_name(name, after.fields[name]) if name in after.fields else None
        if column is not None:
            self.new_columns |= {(table_name(after), column)} - self.lost_columns
