"""`ExpandAlterField`, `SwitchAlterField`, `ContractAlterField`: another type over three deploys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState

from zero_downtime.errors import Refused
from zero_downtime.models import Transition
from zero_downtime.operations.alter_field_step import AlterFieldStep, columns_of
from zero_downtime.operations.backfill import fill_again
from zero_downtime.operations.base import is_postgresql, require_field
from zero_downtime.operations.stock import StockEffect
from zero_downtime.operations.transition_steps import Contract, Expand, Switch
from zero_downtime.postgres.replacements import Replacement
from zero_downtime.transitions import alter_field, exchangeable, phases, retypable
from zero_downtime.transitions.families import Family
from zero_downtime.transitions.filling import filling
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.retyping import FieldAlteration, Retyping


class ExpandAlterField(AlterFieldStep, Expand):
    """Begin to change the type of a field, whatever rewriting that takes.

    A hidden column of the new type is added and kept true by triggers; with a key, one for each
    foreign key that points at it as well. Follow it by `BackfillField(model_name, name)`,
    `SwitchAlterField` and `ContractAlterField`, the latter two with the same arguments. Until the
    switch nothing changes for anybody.

    Args:
        model_name, name, field: as in `AlterField`.
        forward: an ORM expression over `F(name)` that makes a value of the new type; a cast when
            left out. A value for which it raises is reported by the backfill, and stays as it is.
        backward: the same for the way back, which the old column is kept true by after the switch.

    Locks: ACCESS EXCLUSIVE on each table by itself for milliseconds, under `LOCK_TIMEOUT`, with
    retries.
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
        family = self.family(app_label, schema_editor, from_state)
        if family is None:
            return
        connection = schema_editor.connection
        pending = [
            member
            for member in family.members
            if schema_editor.collect_sql
            or not phases.is_in_phase(connection, member.key, Transition.Phase.EXPANDED)
        ]
        if not pending:
            return
        altered = self.altered(app_label, from_state)
        self._require_replaceable(app_label, from_state, altered)
        effects = self.effects(app_label, schema_editor, family, from_state, altered)
        self._require_numbered_alike(app_label, family, effects)
        retypings = self.retypings(schema_editor, family, altered, effects)
        if not schema_editor.collect_sql:
            exchangeable.require_known_references(connection, family)
            for member in pending:
                known = effects[member.table].before
                retypable.require(connection, family, member, retypings[member.key], known)
        migration = self.migration_name(app_label)
        alter_field.expand(schema_editor, pending, retypings, family.leader.key, migration)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the hidden column and the triggers."""
        if is_postgresql(schema_editor):
            family = self.begun_family(app_label, schema_editor, to_state)
            if family is not None:
                alter_field.revert_expand(schema_editor, family)

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
        if old.primary_key != new.primary_key:
            raise Refused(
                f"{subject} is the primary key either before or after. This changes the type of a "
                "field that is so, or is not, both times."
            )
        if old.generated or new.generated:
            raise Refused(
                f"{subject} is a generated field: nobody writes it. Remove it, and add it again."
            )
        if old.column != new.column:
            raise Refused(
                f"{subject} would move to another column, {new.column!r}. "
                "Use ExpandRenameField and ContractRenameField before or after."
            )

    def _require_numbered_alike(
        self, app_label: str, family: Family, effects: Mapping[str, StockEffect]
    ) -> None:
        before, after = columns_of(family.leader, effects)
        if before.identity != after.identity:
            raise Refused(
                f"{self.subject(app_label)} is numbered by the database either before or after. "
                "This changes the type of a field that is so, or is not, both times."
            )


class SwitchAlterField(AlterFieldStep, Switch):
    """Let the column of the new type take the place of the old one, which is kept true.

    Takes the arguments of its `ExpandAlterField`. It is held back until the backfill has finished.
    Indexes and constraints of the field are built on the hidden column first, every row is
    compared, and then both columns exchange their names; with a key, those of all foreign keys
    that point at it in the same transaction. The way back is the same.

    Locks: ACCESS SHARE on the tables while comparing; SHARE UPDATE EXCLUSIVE on one at a time
    while building and validating; then ACCESS EXCLUSIVE on all of them, and on those that a
    foreign key of the field points at, for milliseconds, with retries; the waits for all of them
    take at most half of `LOCK_TIMEOUT` together.

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
        family = self.family(app_label, schema_editor, from_state)
        if family is None:
            return
        visible, hidden = (
            self.effects(app_label, schema_editor, family, from_state, to_state, hide=hide)
            for hide in (False, True)
        )
        retypings = self.retypings(schema_editor, family, to_state, visible)
        replacements = [
            self._replacement(
                schema_editor.connection, members, visible[table], hidden[table], retypings
            )
            for table, members in family.by_table.items()
        ]
        if not schema_editor.collect_sql:
            connection = schema_editor.connection
            for member in family.in_phase(connection, Transition.Phase.EXPANDED):
                before = visible[member.table].before
                retypable.require_nothing_lost(connection, member, before)
        alter_field.switch(schema_editor, family, replacements, retypings)

    def _replacement(
        self,
        connection: BaseDatabaseWrapper,
        members: Sequence[FieldAlteration],
        visible: StockEffect,
        hidden: StockEffect,
        retypings: Mapping[TransitionKey, Retyping],
    ) -> Replacement:
        """Return what the hidden columns of one table have to become."""
        names = [member.column for member in members]
        replacement = Replacement.between(
            members[0].table, names, visible.after, hidden.after, visible.targets
        )
        columns = dict(replacement.columns)
        for member in members:
            shapes = visible.before.columns[member.column], columns[member.column]
            if all(each.default is None for each in shapes):
                columns[member.column] = alter_field.with_unknown_default(
                    connection, member, columns[member.column], retypings[member.key]
                )
        return replace(replacement, columns=columns)

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
        family = self.begun_family(app_label, schema_editor, to_state)
        if family is not None:
            alter_field.revert_switch(schema_editor, family)

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

    Locks: ACCESS EXCLUSIVE on each table by itself for milliseconds, under `LOCK_TIMEOUT`, with
    retries.
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
            family = self.family(app_label, schema_editor, from_state)
            if family is not None:
                alter_field.contract(schema_editor, family)

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
        family = self.begun_family(app_label, schema_editor, from_state)
        if family is not None:
            fill = partial(self._fill_again, schema_editor.connection)
            alter_field.revert_contract(schema_editor, family, fill)

    def _fill_again(
        self, connection: BaseDatabaseWrapper, key: TransitionKey, transition: Transition
    ) -> None:
        fill_again(connection, key, filling(transition))

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Drop the column of the old type of field {self.name} on {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        """Part of an automatic name."""
        return f"{super().migration_name_fragment}_contract"
