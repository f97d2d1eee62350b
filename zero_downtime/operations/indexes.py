"""`AddIndexConcurrently` and `RemoveIndexConcurrently`."""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex, RemoveIndex
from django.db.migrations.state import ProjectState

from zero_downtime.errors import UnknownName
from zero_downtime.operations.base import (
    historical_model,
    is_postgresql,
    model_in_state,
    require_no_transaction,
)
from zero_downtime.postgres import indexes


class AddIndexConcurrently(AddIndex):
    """Build an index while the table is read and written.

    Can be run again after any failure: an index that is there is left alone, the INVALID remains
    of a failed build are replaced. Elsewhere than on PostgreSQL it is an `AddIndex`.

    Args:
        model_name: the model, as in `AddIndex`.
        index: the index, as in `Meta.indexes`.

    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass. It waits for
    older transactions on any table, at most `CONCURRENT_LOCK_TIMEOUT`.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Add the index to the state."""
        model_in_state(state, app_label, self.model_name)
        super().state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Build the index."""
        if not is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        require_no_transaction(self, schema_editor)
        model = historical_model(self, schema_editor, to_state.apps, app_label, self.model_name)
        if model is not None:
            indexes.create_concurrently(schema_editor, model, self.index)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the index."""
        if not is_postgresql(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        require_no_transaction(self, schema_editor)
        model = historical_model(self, schema_editor, from_state.apps, app_label, self.model_name)
        if model is not None:
            indexes.drop_concurrently(schema_editor, model._meta.db_table, self.index.name)

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Concurrently: {super().describe()}"


class RemoveIndexConcurrently(RemoveIndex):
    """Drop an index while the table is read and written.

    Can be run again after any failure. Elsewhere than on PostgreSQL it is a `RemoveIndex`.

    Args:
        model_name: the model, as in `RemoveIndex`.
        name: the name of the index.

    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass. It waits for
    older transactions that use the table, at most `CONCURRENT_LOCK_TIMEOUT`.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Remove the index from the state."""
        known = [
            index.name
            for index in model_in_state(state, app_label, self.model_name).options["indexes"]
        ]
        if self.name not in known:
            raise UnknownName(f"index on {app_label}.{self.model_name}", self.name, known)
        super().state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the index."""
        if not is_postgresql(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        require_no_transaction(self, schema_editor)
        model = historical_model(self, schema_editor, from_state.apps, app_label, self.model_name)
        if model is not None:
            indexes.drop_concurrently(schema_editor, model._meta.db_table, self.name)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Build the index again."""
        if not is_postgresql(schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            return
        require_no_transaction(self, schema_editor)
        model = historical_model(self, schema_editor, to_state.apps, app_label, self.model_name)
        if model is not None:
            state = model_in_state(to_state, app_label, self.model_name)
            indexes.create_concurrently(schema_editor, model, state.get_index_by_name(self.name))

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Concurrently: {super().describe()}"
