"""`AddConstraintConcurrently`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddConstraint
from django.db.models import Model

from zero_downtime.errors import Refused
from zero_downtime.operations.online import OnlineChange
from zero_downtime.operations.stock import StockEffect
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
        Refused: it is an exclusion constraint, or rows violate the constraint.
    """

    twin = AddConstraint

    def adjust(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        model: type[Model],
        effect: StockEffect,
        changes: list[Change],
    ) -> list[Change]:
        """Add it by the very words that Django has for it; refuse what cannot be built online."""
        if isinstance(self.constraint, ExclusionConstraint):
            raise Refused(
                f"AddConstraintConcurrently cannot add exclusion constraint "
                f"{self.constraint.name!r}: PostgreSQL has no way of building its index without "
                "blocking writes. On a table that is small, or while writes may wait, use "
                'AddConstraint and say so with: manage.py migrate --unsafe "REASON". On a big '
                "one, put the constraint on a new, empty table and move the rows there."
            )
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
