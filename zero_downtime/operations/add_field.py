"""`AddFieldConcurrently`: any `AddField`, in steps that block nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddField
from django.db.migrations.state import ProjectState
from django.db.models import Field, Model

from zero_downtime.errors import Refused
from zero_downtime.operations.base import (
    historical_model,
    is_postgresql,
    literal_default_of,
    require_no_field,
    require_no_transaction,
    run_deferred_sql,
)
from zero_downtime.operations.online import OnlineChange
from zero_downtime.operations.stock import StockEffect
from zero_downtime.postgres import catalog
from zero_downtime.postgres.changes import AddColumn, Change, FillColumn, SetDefault, SetNotNull
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.locks import briefly
from zero_downtime.postgres.shapes import ColumnShape


class AddFieldConcurrently(OnlineChange, AddField):
    """Add a field while the table is read and written, and while old code does not know it.

    First the column, then its index, its uniqueness, its CHECK, its foreign key, each in a way
    that does not block. A NOT NULL field with a Python default gets that value as a default in
    the database as well, which stays, so that the INSERTs of code that does not know the field
    keep working. A default that PostgreSQL would have to compute for every row (`random()`,
    a new UUID) is filled in batches. Elsewhere than on PostgreSQL it is an `AddField`.

    Args:
        model_name, name, field, preserve_default: as in `AddField`.

    Locks: ACCESS EXCLUSIVE on the table for milliseconds, under `LOCK_TIMEOUT`, with retries;
    SHARE UPDATE EXCLUSIVE while building indexes and validating; a foreign key takes SHARE ROW
    EXCLUSIVE on both tables for milliseconds.

    Raises:
        Refused: the field is a stored generated one, or unique and NOT NULL with one value for
            all rows, or NOT NULL with none for them; says how else to get there.
    """

    twin = AddField

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Add the field to the state, unless there is one of that name."""
        require_no_field(self, state, app_label, self.model_name, self.name)
        super().state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Add the column, then what belongs to it."""
        if is_postgresql(schema_editor) and self.field.many_to_many:
            self._create_table_between(app_label, schema_editor, to_state)
            return
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the foreign key, the index, the column."""
        if is_postgresql(schema_editor) and self.field.many_to_many:
            self._drop_table_between(app_label, schema_editor, from_state)
            return
        super().database_backwards(app_label, schema_editor, from_state, to_state)

    def adjust(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        model: type[Model],
        effect: StockEffect,
        changes: list[Change],
    ) -> list[Change]:
        """Add the defaults that old code needs, and take out what would rewrite the table."""
        adjusted: list[Change] = []
        for change in changes:
            if isinstance(change, AddColumn):
                adjusted += self._column(schema_editor, model, effect, change)
            else:
                adjusted.append(change)
        return adjusted

    def _column(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        model: type[Model],
        effect: StockEffect,
        change: AddColumn,
    ) -> list[Change]:
        field: Any = model._meta.get_field(self.name)
        column = change.column
        table = model._meta.db_table
        if effect.rewrites and (column.generated or column.identity):
            raise Refused(
                f'Adding column "{column.name}" to table "{table}" would rewrite the whole table '
                f"under an exclusive lock: PostgreSQL computes it for every row. Add "
                f"{self.name!r} as an ordinary nullable field, fill it with BackfillField, and "
                "keep it true with a trigger; or, on PostgreSQL 18, make it "
                "GeneratedField(db_persist=False)."
            )
        if effect.rewrites:  # a default to be computed for every row
            assert column.default is not None
            return [
                AddColumn(replace(column, default=None, not_null=False)),
                SetDefault(column.name, column.default),
                FillColumn(column.name, "DEFAULT"),
                *([SetNotNull(column.name)] if column.not_null else []),
            ]
        default = literal_default_of(self, schema_editor, field)
        if default is None:
            self._require_value(schema_editor, model, column)
            return [change]
        if column.not_null:
            self._require_not_unique(schema_editor, table, field)
            return [AddColumn(replace(column, default=default))]
        return [AddColumn(replace(column, default=default)), SetDefault(column.name, None)]

    def _require_value(
        self, schema_editor: BaseDatabaseSchemaEditor, model: type[Model], column: ColumnShape
    ) -> None:
        if not column.not_null or column.default or column.identity or schema_editor.collect_sql:
            return
        table = model._meta.db_table
        if catalog.has_rows(schema_editor.connection, table):
            raise Refused(
                f"AddFieldConcurrently: {model._meta.app_label}.{self.model_name}.{self.name} is "
                f'NOT NULL and has no default, and table "{table}" has rows. Give it db_default=; '
                "or add it with null=True, fill it with BackfillField or BatchedRunPython, then "
                "make it NOT NULL with AlterFieldConcurrently."
            )

    def _require_not_unique(
        self, schema_editor: BaseDatabaseSchemaEditor, table: str, field: Field[Any, Any]
    ) -> None:
        if not field.unique or schema_editor.collect_sql:
            return
        if not catalog.has_fewer_rows(schema_editor.connection, table, 2):
            raise Refused(
                f'All rows of table "{table}" would get the same value of the unique field '
                f"{self.name!r}. Add it with null=True, fill it with BackfillField or "
                "BatchedRunPython, then make it NOT NULL with AlterFieldConcurrently."
            )

    def _create_table_between(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, to_state: ProjectState
    ) -> None:
        """Create the table of a many-to-many field. It is empty, so nothing takes long."""
        through = self._through(app_label, schema_editor, to_state)
        if through is None:
            return
        table = through._meta.db_table
        if not schema_editor.collect_sql and catalog.table_exists(schema_editor.connection, table):
            return

        def create() -> None:
            schema_editor.create_model(through)
            run_deferred_sql(schema_editor)

        briefly(schema_editor, table, create, _targets(through), Lock.SHARE_ROW_EXCLUSIVE)

    def _drop_table_between(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState
    ) -> None:
        through = self._through(app_label, schema_editor, from_state)
        if through is None:
            return
        table = through._meta.db_table
        if schema_editor.collect_sql or catalog.table_exists(schema_editor.connection, table):

            def drop() -> None:
                schema_editor.delete_model(through)

            briefly(schema_editor, table, drop, _targets(through))

    def _through(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: ProjectState
    ) -> type[Model] | None:
        """Return the model of the table between; None if there is none to be made here."""
        model = historical_model(self, schema_editor, state.apps, app_label, self.model_name)
        if model is None:
            return None
        require_no_transaction(self, schema_editor)
        field: Any = model._meta.get_field(self.name)
        through: type[Model] = field.remote_field.through
        return through if through._meta.auto_created else None


def _targets(through: type[Model]) -> list[str]:
    """Return the tables that foreign keys of the table between point at."""
    return [
        field.related_model._meta.db_table  # type: ignore[union-attr]
        for field in through._meta.concrete_fields
        if field.is_relation
    ]
