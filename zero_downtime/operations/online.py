"""A schema change of one model, made in steps that block nobody instead of Django's statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

from django.db import DatabaseError
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Model

from zero_downtime.backfills.sweep import FillNulls, sweep
from zero_downtime.errors import Refused
from zero_downtime.operations.base import (
    Repeatable,
    historical_model,
    is_postgresql,
    model_in_state,
    require_no_transaction,
    run_deferred_sql,
)
from zero_downtime.operations.stock import StockEffect, StockOperation, effect_of
from zero_downtime.postgres import catalog, errors
from zero_downtime.postgres.changes import Change, Unsupported, in_safe_order
from zero_downtime.postgres.locks import briefly
from zero_downtime.postgres.steps import OnlineTable


class OnlineChange(Repeatable):
    """What is put before a stock operation to make it block nobody.

    The stock operation stays in charge of the state, and of databases other than PostgreSQL. On
    PostgreSQL it is asked what it would do, and that is done step by step. Every step looks
    first whether it is done, so the operation can be run again after a failure anywhere.
    """

    twin: ClassVar[type[Operation]]
    model_name: str

    def adjust(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        model: type[Model],
        effect: StockEffect,
        changes: list[Change],
    ) -> list[Change]:
        """Return the changes to make, given those that Django would make; going forwards only.

        `model` is the model after the operation.
        """
        return changes

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change the state as the stock operation does, naming the model if there is none."""
        model_in_state(state, app_label, self.model_name)
        super().state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Do what the stock operation does."""
        stock = partial(super().database_forwards, app_label)
        self._change(app_label, schema_editor, from_state, to_state, stock, is_forwards=True)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Undo it, as the stock operation does."""
        stock = partial(super().database_backwards, app_label)
        self._change(app_label, schema_editor, from_state, to_state, stock, is_forwards=False)

    def _change(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
        stock: StockOperation,
        *,
        is_forwards: bool,
    ) -> None:
        if not is_postgresql(schema_editor):
            stock(schema_editor, from_state, to_state)
            return
        model = historical_model(self, schema_editor, to_state.apps, app_label, self.model_name)
        if model is None:
            return
        require_no_transaction(self, schema_editor)
        with self._explaining(model):
            effect = effect_of(
                schema_editor.connection, stock, app_label, self.model_name, from_state, to_state
            )
        try:
            changes = self._decide(schema_editor, model, effect, is_forwards=is_forwards)
        except Refused:
            if schema_editor.collect_sql or catalog.has_rows(
                schema_editor.connection, model._meta.db_table
            ):
                raise
            # With no rows there is nobody to wait, and nothing to wait for.
            run_stock_briefly(schema_editor, model, stock, from_state, to_state)
            return
        table = OnlineTable(
            schema_editor,
            model._meta.db_table,
            fill=partial(_fill, schema_editor),
            targets=effect.targets,
            wanted=effect.after,
        )
        for change in in_safe_order(changes):
            table.apply(change)

    def _decide(
        self,
        schema_editor: BaseDatabaseSchemaEditor,
        model: type[Model],
        effect: StockEffect,
        *,
        is_forwards: bool,
    ) -> list[Change]:
        try:
            changes = effect.changes()
        except Unsupported as difference:
            raise Refused(
                f"{type(self).__name__} cannot change {difference} of table "
                f'"{model._meta.db_table}" without blocking it. Use ExpandAlterField and its pair.'
            ) from None
        return self.adjust(schema_editor, model, effect, changes) if is_forwards else changes

    @contextmanager
    def _explaining(self, model: type[Model]) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            if not errors.is_misfit(error):
                raise
            raise self.misfit(model, errors.message(error)) from error

    def misfit(self, model: type[Model], problem: str) -> Refused:
        """Return the refusal of what Django's own operation could not do either."""
        return Refused(
            f'{type(self).__name__}: PostgreSQL cannot do that to table "{model._meta.db_table}": '
            f"{problem}."
        )

    def describe(self) -> str:
        """Say what the operation does."""
        return f"Concurrently: {super().describe()}"

    def reduce(self, operation: Operation, app_label: str) -> bool | list[Operation]:
        """Reduce as the stock operation, but stay what it is."""
        reduced = super().reduce(operation, app_label)
        if isinstance(reduced, bool):
            return reduced
        return [self._keep_kind(each) for each in reduced]

    def _keep_kind(self, operation: Operation) -> Operation:
        if type(operation) is not self.twin:
            return operation
        _, args, kwargs = operation.deconstruct()
        return type(self)(*args, **kwargs)


def run_stock_briefly(
    schema_editor: BaseDatabaseSchemaEditor,
    model: type[Model],
    stock: StockOperation,
    from_state: ProjectState,
    to_state: ProjectState,
) -> None:
    """Run the stock operation on a table without rows. Locks: those of the stock operation."""

    def run() -> None:
        stock(schema_editor, from_state, to_state)
        run_deferred_sql(schema_editor)

    briefly(schema_editor, model._meta.db_table, run, wanted=None)


def _fill(schema_editor: Any, table: str, column: str, value: str) -> None:
    work = FillNulls(table, column, value)
    if schema_editor.collect_sql:
        schema_editor.execute(f"/* in batches */ {work.statement(schema_editor.connection)}", None)
    else:
        sweep(schema_editor.connection, work)
