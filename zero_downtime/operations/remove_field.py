"""`ExpandRemoveField` and `ContractRemoveField`: remove a field over two deploys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RemoveField
from django.db.migrations.state import ProjectState
from django.db.models import Field, Model, Value
from django.db.models.functions import Now

from zero_downtime.errors import Refused
from zero_downtime.operations.add_field import AddFieldConcurrently
from zero_downtime.operations.alter_field import AlterFieldConcurrently
from zero_downtime.operations.base import (
    flattened,
    historical_model,
    is_postgresql,
    require_field,
    require_no_field,
    require_no_transaction,
    state_before,
)
from zero_downtime.operations.letting_go import let_go, stop_letting_go
from zero_downtime.operations.transition_steps import Contract, Expand, TransitionStep
from zero_downtime.transitions import remove_field
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.remove_field import FieldRemoval

AnyField: TypeAlias = "Field[Any, Any]"


@dataclass(frozen=True)
class Between:
    """What there is between the two halves: the state with the optional field, and its removal."""

    state: ProjectState
    removal: FieldRemoval

    @property
    def field(self) -> AnyField:
        """Return the field as old code may leave it out."""
        key = self.removal.key
        field: AnyField = self.state.models[key.model].fields[key.old_name]
        return field


class _RemoveFieldPair(TransitionStep, RemoveField):
    """What both halves share: their arguments, and what the field looks like in between."""

    def __init__(self, model_name: str, name: str, archive: bool = False) -> None:
        self.archive = archive
        super().__init__(model_name, name)

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Return the operation as a migration file writes it."""
        name, args, kwargs = super().deconstruct()
        if self.archive:
            kwargs["archive"] = True
        return name, list(args), kwargs

    def transition_key(self, app_label: str) -> TransitionKey:
        """Return what the two halves find each other by."""
        return TransitionKey(remove_field.KIND, app_label, self.model_name_lower, self.name, "")

    def _between(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        state: ProjectState,
        field: AnyField,
    ) -> Between | None:
        """Return what the field is until the contract, on top of a state that has it or not.

        None if the model is not this database's business.
        """
        model_key = app_label, self.model_name_lower
        if historical_model(self, schema_editor, state.apps, *model_key) is None:
            return None
        require_no_transaction(self, schema_editor)
        between = state.clone()
        there = self.name in between.models[model_key].fields
        put = between.alter_field if there else between.add_field
        put(*model_key, self.name, optional(field), preserve_default=True)
        return Between(between, self._removal(between.apps.get_model(*model_key)))

    def _removal(self, model: type[Model]) -> FieldRemoval:
        app_label = model._meta.app_label
        field: Any = model._meta.get_field(self.name)
        # Before Django 6.0 a many-to-many field had the name of a column that is not there.
        column = "" if field.many_to_many else field.column
        if self.archive and not column:
            raise Refused(
                f"{type(self).__name__}: {app_label}.{self.model_name}.{self.name} has no column "
                "to archive but a table of its own. Leave archive=True out; to keep that table, "
                "take the field out of the state only (SeparateDatabaseAndState)."
            )
        return FieldRemoval(
            self.transition_key(app_label),
            model,
            column,
            archive=self.archive,
            default_is_stable=not field.has_db_default()
            or isinstance(field._db_default_expression, Value | Now),
        )


class ExpandRemoveField(_RemoveFieldPair, Expand):
    """Take a field out of the models, and let old code go on using its column.

    The column becomes one that an INSERT may leave out: it gets the field's default as a default
    in the database, or may be NULL. Rows of other tables that it refers to can be deleted by code
    that does not know it any more. Follow it by `ContractRemoveField` with the same arguments when
    no old code runs.

    Args:
        model_name, name: as in `RemoveField`.
        archive: whether the contract keeps (key, value) of every row in a table of its own.

    Locks: ACCESS EXCLUSIVE on the table for milliseconds, under `LOCK_TIMEOUT`, with retries; for
    a foreign key also SHARE ROW EXCLUSIVE on the other table, as briefly, and SHARE UPDATE
    EXCLUSIVE while the table is read. Elsewhere than on PostgreSQL it is a `RemoveField`, and the
    other half does nothing.

    Raises:
        Refused: the column is in the primary key, or a view or a generated column is built on it.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Remove the field from the state."""
        require_field(self, state, app_label, self.model_name, self.name)
        super().state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Let INSERTs leave the column out, and note who writes it."""
        if not is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        field = from_state.models[app_label, self.model_name_lower].fields[self.name]
        between = self._between(app_label, schema_editor, from_state, field)
        if between is None:
            return
        removal = between.removal
        remove_field.require_removable(schema_editor, removal)
        if removal.column:
            alter = AlterFieldConcurrently(self.model_name, self.name, between.field)
            alter.database_forwards(app_label, schema_editor, from_state, between.state)
        let_go(schema_editor, removal.model, self.name)
        remove_field.expand(schema_editor, removal, self.migration_name(app_label))

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Make the column again what it was; rows without a value get the field's default."""
        if not is_postgresql(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        field = to_state.models[app_label, self.model_name_lower].fields[self.name]
        between = self._between(app_label, schema_editor, to_state, field)
        if between is None:
            return
        removal = between.removal
        if removal.column:
            alter = AlterFieldConcurrently(self.model_name, self.name, between.field)
            alter.database_backwards(app_label, schema_editor, between.state, to_state)
        stop_letting_go(schema_editor, removal.model, self.name)
        remove_field.revert_expand(schema_editor, removal)

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Remove field {self.name} from {self.model_name}, and keep its column"

    @property
    def migration_name_fragment(self) -> str:
        """Part of an automatic name."""
        return f"{super().migration_name_fragment}_expand"


class ContractRemoveField(_RemoveFieldPair, Contract):
    """Drop the column of a field that no code uses any more.

    Takes the arguments of its `ExpandRemoveField`. It is held back until old code has been quiet
    for `CONTRACT_QUIET`. With `archive=True` it copies (key, value) of every row, batch by batch,
    into a table called after table and column with `_archive` at the end; going back brings the
    values back. Without, going back brings back an empty column.

    Locks: ACCESS EXCLUSIVE on the table for milliseconds, under `LOCK_TIMEOUT`, with retries; for
    a foreign key also on the other table. ROW SHARE while archiving.

    Raises:
        Refused: the gate is closed, a view is built on the column, or old code has written it
            while it was being archived.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change nothing: the expand has removed the field from the state."""
        require_no_field(self, state, app_label, self.model_name, self.name)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Archive the column if that is wanted, and drop it."""
        if not is_postgresql(schema_editor):
            return
        between = self._between(app_label, schema_editor, to_state, self._field(app_label))
        if between is None:
            return
        removal, state = between.removal, between.state
        add = AddFieldConcurrently(self.model_name, self.name, between.field)

        def drop() -> None:
            stop_letting_go(schema_editor, removal.model, self.name)
            add.database_backwards(app_label, schema_editor, state, to_state)

        remove_field.contract(schema_editor, removal, drop)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Add the column again, and bring back what the archive has kept."""
        if not is_postgresql(schema_editor):
            return
        between = self._between(app_label, schema_editor, to_state, self._field(app_label))
        if between is None:
            return
        removal, state = between.removal, between.state
        add = AddFieldConcurrently(self.model_name, self.name, between.field)

        def bring_back() -> None:
            add.database_forwards(app_label, schema_editor, to_state, state)
            let_go(schema_editor, removal.model, self.name)

        remove_field.revert_contract(schema_editor, removal, bring_back)

    def _field(self, app_label: str) -> AnyField:
        """Return the field that the expand has removed, from the migration files."""
        loader = MigrationLoader(None)
        key = self.transition_key(app_label)
        for (label, _), migration in reversed(loader.disk_migrations.items()):
            for operation in flattened(migration.operations if label == app_label else []):
                if (
                    isinstance(operation, ExpandRemoveField)
                    and operation.transition_key(label) == key
                ):
                    state = state_before(operation, migration, loader)
                    model = state.models[app_label, self.model_name_lower]
                    field: AnyField = model.fields[self.name]
                    return field
        raise Refused(
            f"ContractRemoveField({self.model_name!r}, {self.name!r}): no migration of app "
            f"{app_label!r} has its ExpandRemoveField, which it needs to know the field. Put that "
            "into a migration before it."
        )

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Drop the column of field {self.name}, removed from {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        """Part of an automatic name."""
        return f"{super().migration_name_fragment}_contract"


def optional(field: AnyField) -> AnyField:
    """Return the field such that an INSERT may leave its column out.

    A default in the database spares old code a NULL that it has never seen. A unique field cannot
    have one: the second row would be refused.
    """
    between: Any = field.clone()
    if field.many_to_many or field.null or field.generated or field.has_db_default():
        return between  # type: ignore[no-any-return]
    default = _database_default(field)
    if default is None or field.unique or field.is_relation:
        between.null = True
    else:
        between.db_default = default
    return between  # type: ignore[no-any-return]


def _database_default(field: Any) -> Any:
    """Return what the field has by default, if that is the same for all rows; None if not."""
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return Now()
    if field.has_default() and not callable(field.default):
        return field.default
    if field.blank and field.empty_strings_allowed:
        return ""
    return None
