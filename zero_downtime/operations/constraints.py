"""`AddConstraintConcurrently`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddConstraint
from django.db.migrations.state import ProjectState
from django.db.models import Model

from zero_downtime.errors import Refused
from zero_downtime.operations.base import (
    historical_model,
    is_postgresql,
    require_fields_of,
    require_no_transaction,
)
from zero_downtime.operations.online import OnlineChange, run_stock_briefly
from zero_downtime.operations.stock import StockEffect
from zero_downtime.postgres import catalog
from zero_downtime.postgres.changes import AddConstraint as AddConstraintChange
from zero_downtime.postgres.changes import AddIndex, Change


class AddConstraintConcurrently(OnlineChange, AddConstraint):
    """Add a constraint while the table is read and written.

    A CHECK is added NOT VALID and then validated; uniqueness is an index built concurrently
    that becomes the constraint, or stays an index where Django makes one of it (a condition,
    expressions, included columns, operator classes). Elsewhere than on PostgreSQL it is an
    `AddConstraint`.

    Args:
        model_name, constraint: as in `AddConstraint`.

    Locks: ACCESS EXCLUSIVE on the table for milliseconds, under `LOCK_TIMEOUT`, with retries;
    SHARE UPDATE EXCLUSIVE while building the index or validating.

    Raises:
        Refused: it is an exclusion constraint, rows violate the constraint, or there is no such
            field.
    """

    twin = AddConstraint

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Add the constraint to the state, naming the model's fields if it is on none of them."""
        require_fields_of(self, state, app_label, self.model_name, self.constraint)
        super().state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Add the constraint; an exclusion constraint only where there are no rows."""
        if is_postgresql(schema_editor) and isinstance(self.constraint, ExclusionConstraint):
            self._exclude(app_label, schema_editor, from_state, to_state)
            return
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def _exclude(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Not tried out first as other constraints are: that may need an extension."""
        model = historical_model(self, schema_editor, to_state.apps, app_label, self.model_name)
        if model is None:
            return
        require_no_transaction(self, schema_editor)
        if schema_editor.collect_sql or catalog.has_rows(
            schema_editor.connection, model._meta.db_table
        ):
            raise Refused(
                f"AddConstraintConcurrently cannot add exclusion constraint "
                f"{self.constraint.name!r}: PostgreSQL has no way of building its index without "
                "blocking writes. On a table that is small, or while writes may wait, use "
                'AddConstraint and say so with: manage.py migrate --unsafe "REASON". On a big '
                "one, put the constraint on a new, empty table and move the rows there."
            )
        stock = partial(AddConstraint.database_forwards, self, app_label)
        run_stock_briefly(schema_editor, model, stock, from_state, to_state)

    def adjust(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        model: type[Model],
        effect: StockEffect,
        changes: list[Change],
    ) -> list[Change]:
        """Add it by the very words that Django has for it."""
        return [self._in_own_words(schema_editor, model, change) for change in changes]

    def _in_own_words(
        self, schema_editor: BaseDatabaseSchemaEditor, model: type[Model], change: Change
    ) -> Change:
        if isinstance(change, AddIndex):
            statement: Any = self.constraint.create_sql(model, schema_editor)
            # Django has no template of its own for a unique index built concurrently.
            statement.template = statement.template.replace(" INDEX ", " INDEX CONCURRENTLY ", 1)
            return replace(change, written_as=str(statement))
        if isinstance(change, AddConstraintChange) and change.constraint.type == "c":
            written_as = str(self.constraint.constraint_sql(model, schema_editor))
            return replace(change, written_as=written_as)
        return change
