"""`AddIndexConcurrently` and `RemoveIndexConcurrently`."""

from __future__ import annotations

from dataclasses import replace

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex, RemoveIndex
from django.db.migrations.state import ProjectState
from django.db.models import Model

from zero_downtime.errors import UnknownName
from zero_downtime.operations.base import model_in_state, require_fields_of
from zero_downtime.operations.online import OnlineChange
from zero_downtime.operations.stock import StockEffect
from zero_downtime.postgres.changes import AddIndex as AddIndexChange
from zero_downtime.postgres.changes import Change


class AddIndexConcurrently(OnlineChange, AddIndex):
    """Build an index while the table is read and written.

    An index that is there already is left alone, the INVALID remains of a failed build are
    replaced. On a partitioned table each partition's index is built and attached. Elsewhere than
    on PostgreSQL it is an `AddIndex`.

    Args:
        model_name: the model, as in `AddIndex`.
        index: the index, as in `Meta.indexes`.

    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass. It waits for
    older transactions on any table, at most `CONCURRENT_LOCK_TIMEOUT`.

    Raises:
        Refused: the name belongs to something else, or there is no such field.
    """

    twin = AddIndex

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Add the index to the state, naming the model's fields if it is on none of them."""
        require_fields_of(self, state, app_label, self.model_name, self.index)
        super().state_forwards(app_label, state)

    def adjust(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        model: type[Model],
        effect: StockEffect,
        changes: list[Change],
    ) -> list[Change]:
        """Build it by the very words that Django has for it."""
        sql = str(self.index.create_sql(model, schema_editor, concurrently=True))
        return [
            replace(change, written_as=sql) if isinstance(change, AddIndexChange) else change
            for change in changes
        ]


class RemoveIndexConcurrently(OnlineChange, RemoveIndex):
    """Drop an index while the table is read and written.

    Elsewhere than on PostgreSQL it is a `RemoveIndex`.

    Args:
        model_name: the model, as in `RemoveIndex`.
        name: the name of the index.

    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass. It waits for
    older transactions that use the table, at most `CONCURRENT_LOCK_TIMEOUT`.
    """

    twin = RemoveIndex

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Remove the index from the state, naming those there are if it is none of them."""
        indexes = model_in_state(state, app_label, self.model_name).options.get("indexes", [])
        known = [index.name for index in indexes]
        if self.name not in known:
            raise UnknownName(f"index on {app_label}.{self.model_name}", self.name, known)
        super().state_forwards(app_label, state)
