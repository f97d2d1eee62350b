"""`ExpandAlterField`, `SwitchAlterField`, `ContractAlterField`: another type over three deploys."""

from __future__ import annotations

from functools import partial

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState

from zero_downtime.errors import Refused
from zero_downtime.models import Transition
from zero_downtime.operations.alter_field_step import AlterFieldStep
from zero_downtime.operations.backfill import fill_again
from zero_downtime.operations.base import is_postgresql, require_field
from zero_downtime.operations.transition_steps import Contract, Expand, Switch
from zero_downtime.postgres.replacements import Replacement
from zero_downtime.transitions import alter_field, phases, retypable
from zero_downtime.transitions.filling import filling
from zero_downtime.transitions.retyping import FieldAlteration


class ExpandAlterField(AlterFieldStep, Expand):
    """Begin to change the type of a field, whatever rewriting that takes.

    A hidden column of the new type is added and kept true by triggers. Follow it by
    `BackfillField(model_name, name)`, `SwitchAlterField` and `ContractAlterField`, the latter two
    with the same arguments. Until the switch nothing changes for anybody.

    Args:
        model_name, name, field: as in `AlterField`.
        forward: an ORM expression over `F(name)` that makes a value of the new type; a cast when
            left out. A value for which it raises is reported by the backfill, and stays as it is.
        backward: the same for the way back, which the old column is kept true by after the switch.

    Locks: ACCESS EXCLUSIVE on the table for milliseconds, under `LOCK_TIMEOUT`, with retries.
    Elsewhere than on PostgreSQL the switch is an `AlterField`, and the other two do nothing.

    Raises:
        Refused: the column cannot be replaced by another one, or its values not be converted.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing: the column has its old type until the switch."""
        require_field(self, state, app_label, self.model_name, self.name)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Add the hidden column and the triggers."""
        if not is_postgresql(schema_editor):
            return
        alteration = self.alteration(app_label, schema_editor, from_state)
        if alteration is None:
            return
        connection, column = schema_editor.connection, alteration.column
        if not schema_editor.collect_sql and phases.is_in_phase(
            connection, alteration.key, Transition.Phase.EXPANDED
        ):
            return
        altered = self.altered(app_label, from_state)
        self._require_replaceable(app_label, from_state, altered)
        effect = self.effect(app_label, schema_editor, from_state, altered)
        columns = effect.before.columns[column], effect.after.columns[column]
        retyping = self.retyping(app_label, schema_editor, (from_state, altered), columns)
        if not schema_editor.collect_sql:
            retypable.require(connection, alteration, retyping, effect.before)
        alter_field.expand(schema_editor, alteration, retyping, self.migration_name(app_label))

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the hidden column and the triggers."""
        if is_postgresql(schema_editor):
            alteration = self.alteration(app_label, schema_editor, to_state)
            if alteration is not None:
                alter_field.revert_expand(schema_editor, alteration)

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Let field {self.name} on {self.model_name} have a hidden column of its new type"

    @property
    def migration_name_fragment(self) -> str:
        """Part of an automatic name."""
        return f"{super().migration_name_fragment}_expand"

    def _require_replaceable(
        self, app_label: str, state: ProjectState, altered: ProjectState
    ) -> None:
        """Refuse what is no change of one column's type."""
        old, new = (
            each.apps.get_model(app_label, self.model_name)._meta.get_field(self.name)
            for each in (state, altered)
        )
        subject = self.subject(app_label)
        if old.many_to_many or new.many_to_many:
            raise Refused(f"{subject} is a many-to-many field, which has no column to change.")
        if old.primary_key or new.primary_key:
            raise Refused(f"{subject} is a primary key, whose type cannot be changed this way yet.")
        if old.generated or new.generated:
            raise Refused(
                f"{subject} is a generated field: nobody writes it. Remove it, and add it again."
            )
        if old.column != new.column:
            raise Refused(
                f"{subject} would move to another column, {new.column!r}. "
                "Use ExpandRenameField and ContractRenameField before or after."
            )


class SwitchAlterField(AlterFieldStep, Switch):
    """Let the column of the new type take the place of the old one, which is kept true.

    Takes the arguments of its `ExpandAlterField`. It is held back until the backfill has finished.
    Indexes and constraints of the field are built on the hidden column first, every row is
    compared, and then both columns exchange their names. The way back is the same.

    Locks: ACCESS SHARE on the table while comparing; SHARE UPDATE EXCLUSIVE while building and
    validating; then ACCESS EXCLUSIVE on the table, and on those that a foreign key of the field
    points at, for milliseconds, under `LOCK_TIMEOUT`, with retries.

    Raises:
        Refused: rows differ or do not convert, or stand in the way of a constraint.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Alter the field in the state."""
        require_field(self, state, app_label, self.model_name, self.name)
        super().state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Build, compare, exchange the names."""
        if not is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        alteration = self.alteration(app_label, schema_editor, from_state)
        if alteration is None:
            return
        column = alteration.column
        effect, hidden = (
            self.effect(app_label, schema_editor, from_state, to_state, rename_to)
            for rename_to in (None, alteration.hidden)
        )
        columns = effect.before.columns[column], effect.after.columns[column]
        retyping = self.retyping(app_label, schema_editor, (from_state, to_state), columns)
        replacement = Replacement.between(
            alteration.table, column, effect.after, hidden.after, effect.targets
        )
        if all(each.default is None for each in columns):
            replacement = alter_field.with_unknown_default(
                schema_editor.connection, alteration, replacement, retyping
            )
        alter_field.switch(schema_editor, alteration, replacement, retyping)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Do the same the other way round."""
        if not is_postgresql(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        alteration = self.alteration(app_label, schema_editor, to_state)
        if alteration is not None:
            alter_field.revert_switch(schema_editor, alteration)

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Let field {self.name} on {self.model_name} be of its new type"

    @property
    def migration_name_fragment(self) -> str:
        """Part of an automatic name."""
        return f"{super().migration_name_fragment}_switch"


class ContractAlterField(AlterFieldStep, Contract):
    """Drop the column of the old type.

    Takes the arguments of its `ExpandAlterField`. It is held back until `CONTRACT_SOAK` has passed
    since the switch.

    Locks: ACCESS EXCLUSIVE on the table for milliseconds, under `LOCK_TIMEOUT`, with retries.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing: the switch has altered the field in the state."""
        require_field(self, state, app_label, self.model_name, self.name)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the hidden column and the triggers."""
        if is_postgresql(schema_editor):
            alteration = self.alteration(app_label, schema_editor, from_state)
            if alteration is not None:
                alter_field.contract(schema_editor, alteration)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Add a column of the old type and fill it again; on a large table `backfill` does."""
        if not is_postgresql(schema_editor):
            return
        alteration = self.alteration(app_label, schema_editor, from_state)
        if alteration is not None:
            fill = partial(self._fill_again, schema_editor, alteration)
            alter_field.revert_contract(schema_editor, alteration, fill)

    def _fill_again(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        alteration: FieldAlteration,
        transition: Transition,
    ) -> None:
        fill_again(schema_editor.connection, alteration.key, filling(transition))

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Drop the column of the old type of field {self.name} on {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        """Part of an automatic name."""
        return f"{super().migration_name_fragment}_contract"
