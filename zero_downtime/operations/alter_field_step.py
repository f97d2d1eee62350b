"""What the three steps of a change of type share: their arguments, and what follows from them."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AlterField
from django.db.migrations.state import ProjectState
from django.db.models import Field

from zero_downtime.errors import Refused
from zero_downtime.operations.base import (
    historical_model,
    literal_default,
    require_no_transaction,
    run_deferred_sql,
)
from zero_downtime.operations.stock import StockEffect, effect_of
from zero_downtime.operations.transition_steps import TransitionStep
from zero_downtime.postgres import errors
from zero_downtime.postgres.shapes import ColumnShape
from zero_downtime.transitions.conversions import Conversion, compiled, plain_cast
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.retyping import KIND, ColumnType, FieldAlteration, Retyping


class AlterFieldStep(TransitionStep, AlterField):
    """What the three share: their arguments, and what the field is before and after.

    The state is altered by the switch: until then the column of that name has the old type.
    """

    def __init__(
        self,
        model_name: str,
        name: str,
        field: Field[Any, Any],
        forward: Any = None,
        backward: Any = None,
    ) -> None:
        super().__init__(model_name, name, field)
        self.forward = forward
        self.backward = backward

    def transition_key(self, app_label: str) -> TransitionKey:
        """Return what the steps find each other by."""
        return TransitionKey(KIND, app_label, self.model_name_lower, self.name, self.name)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return the operation as a migration file writes it."""
        name, args, kwargs = super().deconstruct()
        ways = {"forward": self.forward, "backward": self.backward}
        given = {each: way for each, way in ways.items() if way is not None}
        return name, list(args), {**kwargs, **given}

    def altered(self, app_label: str, state: ProjectState) -> ProjectState:
        """Return `state` with the new field."""
        altered = state.clone()
        AlterField.state_forwards(self, app_label, altered)
        return altered

    def alteration(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState
    ) -> FieldAlteration | None:
        """Return the change as the table sees it; None if this is not the database's business."""
        model = historical_model(self, schema_editor, state.apps, app_label, self.model_name)
        if model is None:
            return None
        require_no_transaction(self, schema_editor)
        field: Any = model._meta.get_field(self.name)
        return FieldAlteration(self.transition_key(app_label), model, field.column)

    def effect(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
        rename_to: str | None = None,
    ) -> StockEffect:
        """Return what `AlterField` would do, after which the column is called `rename_to`."""

        def attempt(*, by_cast: bool) -> StockEffect:
            alter = partial(self._alter_copy, app_label, rename_to, by_cast)
            return effect_of(
                schema_editor.connection, alter, app_label, self.model_name, from_state, to_state
            )

        try:
            return attempt(by_cast=True)
        except DatabaseError as error:
            if not errors.is_misfit(error):
                raise
            reason = error
        try:
            if self.forward is not None:  # it may do where there is no cast
                return attempt(by_cast=False)
        except DatabaseError as error:
            if not errors.is_misfit(error):
                raise
            reason = error
        raise Refused(
            f"{self.subject(app_label)}: PostgreSQL says: {errors.message(reason)}. If there is no "
            f"cast between the types, give forward= and backward=, expressions over "
            f"F({self.name!r}). If something is built on the field that does not fit the new type, "
            "remove it in an operation before, and add it again after the switch."
        ) from reason

    def _alter_copy(
        self,
        app_label: str,
        rename_to: str | None,
        by_cast: bool,
        editor: BaseDatabaseSchemaEditor,
        before: ProjectState,
        after: ProjectState,
    ) -> None:
        """Do to an empty copy of the table what `AlterField` does, and rename the column then."""
        model = after.apps.get_model(app_label, self.model_name)
        field: Any = model._meta.get_field(self.name)
        table, column = editor.quote_name(model._meta.db_table), editor.quote_name(field.column)
        if not by_cast:
            type_ = field.db_type(editor.connection)
            editor.execute(
                f"ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT, "
                f"ALTER COLUMN {column} TYPE {type_} USING NULL"
            )
        AlterField.database_forwards(self, app_label, editor, before, after)
        run_deferred_sql(editor)
        if rename_to is not None:
            new_name = editor.quote_name(rename_to)
            editor.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO {new_name}")

    def retyping(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        states: tuple[ProjectState, ProjectState],
        columns: tuple[ColumnShape, ColumnShape],
    ) -> Retyping:
        """Return types and conversions as the migrations tell them; arguments are (old, new)."""
        old, new = columns
        old_model, new_model = (
            state.apps.get_model(app_label, self.model_name) for state in states
        )
        forward = self._way(schema_editor, old_model, self.forward, old, new)
        if new.not_null and not old.not_null:  # as AlterField does
            default = literal_default(schema_editor, new_model._meta.get_field(self.name))
            forward = forward if default is None else forward.or_else(default)
        return Retyping(
            old=ColumnType(old.type, old.collation),
            new=ColumnType(new.type, new.collation),
            forward=forward,
            backward=self._way(schema_editor, new_model, self.backward, new, old),
        )

    def _way(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        model: Any,
        expression: Any,
        before: ColumnShape,
        after: ColumnShape,
    ) -> Conversion:
        if expression is None:
            return plain_cast(schema_editor, before, after)
        return compiled(schema_editor, model, self.name, expression, after)

    def subject(self, app_label: str) -> str:
        return f"{type(self).__name__}: {app_label}.{self.model_name}.{self.name}"
