"""`ExpandRenameField` and `ContractRenameField`: rename a field over two deploys."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RenameField
from django.db.migrations.state import ProjectState
from django.db.models import Field

from zero_downtime.errors import Refused
from zero_downtime.operations.backfill import fill_again
from zero_downtime.operations.base import (
    historical_model,
    is_postgresql,
    require_field,
    require_no_field,
    require_no_transaction,
)
from zero_downtime.operations.stock import effect_of
from zero_downtime.operations.transition_steps import Contract, Expand, TransitionStep
from zero_downtime.transitions import rename_field
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.rename_field import FieldRename


class _RenameFieldPair(TransitionStep, RenameField):
    """What both halves share: their arguments, and the columns those stand for.

    The state is renamed by the expand, so that everything after it is written for the new name.
    """

    def transition_key(self, app_label: str) -> TransitionKey:
        """Return what the two halves find each other by."""
        return TransitionKey(
            rename_field.KIND, app_label, self.model_name_lower, self.old_name, self.new_name
        )

    def _rename(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState
    ) -> FieldRename | None:
        """Return the rename for the database, or None where the database does not notice.

        In `state` the field bears its new name.
        """
        model = historical_model(self, schema_editor, state.apps, app_label, self.model_name)
        if model is None:
            return None
        field: Any = model._meta.get_field(self.new_name)
        rename = FieldRename(
            self.transition_key(app_label), model, _column(field, self.old_name), field.column
        )
        if not rename.changes_column:
            return None
        if not getattr(field, "db_constraint", False):
            return rename
        names = self._names_of_foreign_key(app_label, schema_editor, state)
        return replace(rename, foreign_key=names)

    def _names_of_foreign_key(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState
    ) -> tuple[str, str] | None:
        """Return how Django calls the constraint of a foreign key before and after."""
        old_state = state.clone()
        old_state.rename_field(app_label, self.model_name_lower, self.new_name, self.old_name)
        rename = partial(RenameField.database_forwards, self, app_label)
        effect = effect_of(
            schema_editor.connection, rename, app_label, self.model_name, old_state, state
        )
        before, after = effect.before.constraints, effect.after.constraints
        gone, come = [*(before.keys() - after.keys())], [*(after.keys() - before.keys())]
        return (gone[0], come[0]) if gone and come else None


class ExpandRenameField(_RenameFieldPair, Expand):
    """Let a field live under its old and its new name.

    A column for the new name is added and both are kept equal by triggers, whoever writes.
    Follow it by `BackfillField(model_name, new_name)` and, when no old code runs any more,
    `ContractRenameField` with the same arguments.

    Args:
        model_name: the model, as in `RenameField`.
        old_name: the field's name in the code of today.
        new_name: the field's name in the code to come.

    Locks: ACCESS EXCLUSIVE on the table for milliseconds, under `LOCK_TIMEOUT`, with retries.
    Elsewhere than on PostgreSQL it is a `RenameField`, and the other half does nothing.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Rename the field in the state."""
        require_field(self, state, app_label, self.model_name, self.old_name)
        if self.old_name == self.new_name:
            raise Refused(
                f"ExpandRenameField: {app_label}.{self.model_name}.{self.old_name} would be "
                f"renamed from {self.old_name!r} to itself. Give it another name, or take the "
                "operation out."
            )
        require_no_field(self, state, app_label, self.model_name, self.new_name)
        super().state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Add the column and the triggers."""
        if not is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        require_no_transaction(self, schema_editor)
        if rename := self._rename(app_label, schema_editor, to_state):
            rename_field.expand(schema_editor, rename, self.migration_name(app_label))

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the column and the triggers; what was written by either name stays."""
        if not is_postgresql(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        require_no_transaction(self, schema_editor)
        if rename := self._rename(app_label, schema_editor, from_state):
            rename_field.revert_expand(schema_editor, rename)

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Let field {self.old_name} on {self.model_name} live as {self.new_name} as well"

    @property
    def migration_name_fragment(self) -> str:
        """Part of an automatic name."""
        return f"{super().migration_name_fragment}_expand"


class ContractRenameField(_RenameFieldPair, Contract):
    """Leave the field its new name only, after comparing every row.

    Takes the arguments of its `ExpandRenameField`. It is held back until the backfill has
    finished and old code has been quiet for `CONTRACT_QUIET`, and refused when rows differ.

    Locks: ACCESS SHARE on the table while comparing, then ACCESS EXCLUSIVE for milliseconds,
    under `LOCK_TIMEOUT`, with retries.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing: the expand has renamed the field in the state."""
        require_field(self, state, app_label, self.model_name, self.new_name)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Compare, then drop what the expand put up and rename the column."""
        if not is_postgresql(schema_editor):
            return
        require_no_transaction(self, schema_editor)
        if rename := self._rename(app_label, schema_editor, to_state):
            rename_field.contract(schema_editor, rename)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Go back to both names, and fill the old one; on a large table `backfill` does."""
        if not is_postgresql(schema_editor):
            return
        require_no_transaction(self, schema_editor)
        if rename := self._rename(app_label, schema_editor, from_state):
            fill = partial(fill_again, schema_editor.connection, rename.key)
            rename_field.revert_contract(schema_editor, rename, fill)

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Leave field {self.new_name} on {self.model_name} its new name only"

    @property
    def migration_name_fragment(self) -> str:
        """Part of an automatic name."""
        return f"{super().migration_name_fragment}_contract"


def _column(field: Field[Any, Any], name: str) -> str:
    """Return the column that `field` had, or would have, under another name."""
    if field.many_to_many:
        raise Refused(
            f"{name!r} is a many-to-many field: it has no column but a table of its own. Give it "
            "db_table, with the name of that table, in one migration, and rename it with "
            "RenameField in the next: then the database does not notice."
        )
    renamed = field.clone()
    renamed.set_attributes_from_name(name)
    return str(renamed.get_attname_column()[1])
