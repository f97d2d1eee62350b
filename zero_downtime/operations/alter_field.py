"""`AlterFieldConcurrently`: any `AlterField` that needs no rewrite, in steps that block nobody."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AlterField
from django.db.migrations.state import ProjectState
from django.db.models import Model

from zero_downtime.errors import Refused
from zero_downtime.operations.base import fields_of, literal_default_of, require_field
from zero_downtime.operations.online import OnlineChange
from zero_downtime.operations.stock import StockEffect
from zero_downtime.postgres.changes import (
    Change,
    DropColumn,
    FillColumn,
    SetNotNull,
    SetType,
    rebuilt_guards,
)


class AlterFieldConcurrently(OnlineChange, AlterField):
    """Alter a field while the table is read and written.

    NULL on and off, unique on and off, index on and off, foreign key on, off and elsewhere,
    longer or other types whose values stay as they are stored, defaults in the database,
    collation, comment, and several of these at once. Elsewhere than on PostgreSQL it is an
    `AlterField`.

    Args:
        model_name, name, field, preserve_default: as in `AlterField`.

    Locks: ACCESS EXCLUSIVE on the table for milliseconds, under `LOCK_TIMEOUT`, with retries;
    SHARE UPDATE EXCLUSIVE while building indexes and validating.

    Raises:
        Refused: PostgreSQL would have to rewrite the table or an index (use `ExpandAlterField`),
            a unique index or an exclusion constraint would be away meanwhile, the column's name
            changes, or rows stand in the way.
    """

    twin = AlterField

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Alter the field in the state."""
        require_field(self, state, app_label, self.model_name, self.name)
        super().state_forwards(app_label, state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Alter the column back, which is the same with the states the other way round."""
        self.database_forwards(app_label, schema_editor, from_state, to_state)

    def adjust(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        model: type[Model],
        effect: StockEffect,
        changes: list[Change],
    ) -> list[Change]:
        """Refuse rewrites and renames; fill NULLs, as Django does, before they are forbidden."""
        app_label, table = model._meta.app_label, model._meta.db_table
        if any(isinstance(change, DropColumn) for change in changes):
            raise Refused(
                f"AlterFieldConcurrently: {app_label}.{self.model_name}.{self.name} would move to "
                f'another column of table "{table}", which running code does not know. '
                "Use ExpandRenameField and ContractRenameField."
            )
        new: Any = model._meta.get_field(self.name)
        # Django says ALTER TYPE for a mere comment; what counts is whether the type changes.
        if any(isinstance(change, SetType) for change in changes):
            if effect.rewrites:
                problem = f"PostgreSQL would rewrite {', '.join(effect.rewrites)}"
                raise self._needs_expand(app_label, problem)
            if _is_referenced(model, new):
                raise self._needs_expand(app_label, "foreign keys of other tables point at it")
            if guards := rebuilt_guards(changes):
                raise self._leaves_a_gap(app_label, guards)
        if any(isinstance(change, SetNotNull) for change in changes):
            value = (
                "DEFAULT" if new.has_db_default() else literal_default_of(self, schema_editor, new)
            )
            if value is not None:
                return [*changes, FillColumn(new.column, value)]
        return changes

    def misfit(self, model: type[Model], problem: str) -> Refused:
        """Name what is built on the column and does not fit its new type."""
        items = [*model._meta.indexes, *model._meta.constraints]
        built_on = ", ".join(item.name for item in items if self.name in fields_of(item))
        advice = (
            f"Remove what is built on it ({built_on}) in an operation before, and add it again, "
            "fit for the new type, in one after."
            if built_on
            else "Go by a new field, which BackfillField fills from the old one."
        )
        return Refused(
            f"AlterFieldConcurrently cannot alter {model._meta.app_label}.{self.model_name}."
            f"{self.name}: PostgreSQL says: {problem}. {advice}"
        )

    def _needs_expand(self, app_label: str, reason: str) -> Refused:
        return Refused(
            f"AlterFieldConcurrently cannot alter {app_label}.{self.model_name}.{self.name} "
            f"without blocking the table: {reason}. Use ExpandAlterField and its pair."
        )

    def _leaves_a_gap(self, app_label: str, guards: list[str]) -> Refused:
        """An index with an expression or a condition on the column is built for its type.

        PostgreSQL would build it anew, and any replacement too, under the lock that changes the
        type. So it has to go before and come back after, which is for people to decide.
        """
        return Refused(
            f"AlterFieldConcurrently cannot alter {app_label}.{self.model_name}.{self.name} "
            f"without leaving the table unguarded: {', '.join(guards)} would have to be built "
            "anew, and until then rows that it forbids could be written. If they may, say so: "
            "remove it before (RemoveConstraint), and add it again after "
            "(AddConstraintConcurrently)."
        )


def _is_referenced(model: type[Model], field: Any) -> bool:
    """Whether a foreign key of another table points at the column of `field`."""
    return any(
        relation.field.db_constraint and relation.field.target_field.column == field.column
        for relation in model._meta.related_objects
        if not relation.many_to_many and hasattr(relation.field, "db_constraint")
    )
