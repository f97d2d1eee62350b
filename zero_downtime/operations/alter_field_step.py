"""What the three steps of a change of type share: their arguments, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AlterField
from django.db.migrations.state import ProjectState
from django.db.models import Field

from zero_downtime.errors import Refused
from zero_downtime.operations.base import (
    applied_state,
    historical_model,
    literal_default,
    require_no_transaction,
    run_deferred_sql,
)
from zero_downtime.operations.stock import StockEffect, effects_of
from zero_downtime.operations.transition_steps import TransitionStep
from zero_downtime.postgres import errors
from zero_downtime.postgres.shapes import ColumnShape
from zero_downtime.transitions.conversions import Conversion, compiled, plain_cast
from zero_downtime.transitions.families import Family
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

    def family(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState
    ) -> Family | None:
        """Return what changes, as the tables see it; None if this is not the database's business.

        That is the column of the field, and those of the foreign keys that point at it.
        """
        model = historical_model(self, schema_editor, state.apps, app_label, self.model_name)
        if model is None:
            return None
        require_no_transaction(self, schema_editor)
        alias = schema_editor.connection.alias
        return Family.of(model, self.name, lambda each: self.allow_migrate_model(alias, each))

    def begun_family(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState
    ) -> Family | None:
        """Return what has changed, for going back.

        Django takes back one app after the other, and the state has nothing of those that come
        later; what is applied has their foreign keys all the same.
        """
        family = self.family(app_label, schema_editor, state)
        if family is None or schema_editor.collect_sql:
            return family
        connection = schema_editor.connection
        absent = family.absent(connection)
        if not absent:
            return family
        apps = applied_state(connection).apps
        return family.with_members(
            FieldAlteration(key, apps.get_model(*key.model), column) for key, column in absent
        )

    def effects(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        family: Family,
        from_state: ProjectState,
        to_state: ProjectState,
        *,
        hide: bool = False,
    ) -> dict[str, StockEffect]:
        """Return what `AlterField` would do to the tables of a family, by table.

        Args:
            hide: whether the columns are renamed then to what they are called while hidden.
        """

        def attempt(*, by_cast: bool) -> dict[str, StockEffect]:
            alter = partial(self._alter_copies, app_label, family if hide else None, by_cast)
            models = {member.table: member.key.model for member in family.members}
            effects = effects_of(
                schema_editor.connection, alter, models.values(), from_state, to_state
            )
            return {table: effects[model] for table, model in models.items()}

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

    def _alter_copies(
        self,
        app_label: str,
        hidden: Family | None,
        by_cast: bool,
        editor: BaseDatabaseSchemaEditor,
        before: ProjectState,
        after: ProjectState,
    ) -> None:
        """Do to empty copies of tables what `AlterField` does, and hide a family's columns then."""
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
        for member in hidden.members if hidden else ():
            copy = after.apps.get_model(*member.key.model)._meta.db_table
            editor.execute(
                f"ALTER TABLE {editor.quote_name(copy)} RENAME COLUMN "
                f"{editor.quote_name(member.column)} TO {editor.quote_name(member.hidden)}"
            )

    def retypings(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        family: Family,
        to_state: ProjectState,
        effects: Mapping[str, StockEffect],
    ) -> dict[TransitionKey, Retyping]:
        """Return types and conversions as the migrations tell them, by member.

        Those that follow are converted like the one that leads, so that they still meet.
        """
        key = family.leader.key
        old_model, new_model = family.leader.model, to_state.apps.get_model(*key.model)
        old, new = columns_of(family.leader, effects)
        forward = self._way(schema_editor, old_model, self.forward, old, new)
        backward = self._way(schema_editor, new_model, self.backward, new, old)
        retypings = {}
        for member in family.members:
            before, after = columns_of(member, effects)
            retypings[member.key] = Retyping(
                old=ColumnType(before.type, before.collation),
                new=ColumnType(after.type, after.collation),
                forward=forward,
                backward=backward,
            )
        if new.not_null and not old.not_null:  # as AlterField does
            default = literal_default(schema_editor, new_model._meta.get_field(self.name))
            if default is not None:
                retypings[key] = replace(retypings[key], forward=forward.or_else(default))
        return retypings

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


def columns_of(
    member: FieldAlteration, effects: Mapping[str, StockEffect]
) -> tuple[ColumnShape, ColumnShape]:
    """Return what a column is like before and after."""
    effect = effects[member.table]
    return effect.before.columns[member.column], effect.after.columns[member.column]
