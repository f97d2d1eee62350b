"""Removing a column while old code still has it.

Expand makes the column one that an INSERT may leave out (which is a plain change of the column,
and not made here), lets rows that it refers to go, and notes who still writes it. Contract, when
old code has been quiet, drops it; with an archive, key and value of every row are kept.

The second side of the pair of columns that triggers and evidence speak of is nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model

from zero_downtime.errors import Refused
from zero_downtime.models import Transition
from zero_downtime.postgres import catalog
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.locks import briefly, wait_for_writers
from zero_downtime.transitions import archive, dual_write, evidence, gates, old_writer, phases
from zero_downtime.transitions.pairs import ColumnPair
from zero_downtime.transitions.phases import TransitionKey

KIND = "remove_field"


@dataclass(frozen=True)
class FieldRemoval:
    """The removal of one field, as seen from the table.

    Args:
        model: the historical model that still has the field, as old code may leave it out.
        column: the field's column; empty if it has a table of its own, which holds many-to-many.
        archive: whether to keep what is in the column.
        default_is_stable: whether the column's default is the same all through a transaction.
    """

    key: TransitionKey
    model: type[Model]
    column: str
    archive: bool = False
    default_is_stable: bool = True

    @property
    def table(self) -> str:
        """Return the table's name as Django has it."""
        return self.model._meta.db_table

    def pair(self, schema_editor: BaseDatabaseSchemaEditor) -> ColumnPair:
        """Return the column, paired with nothing."""
        return ColumnPair.of(schema_editor.connection, self.table, self.column, "")


def require_removable(schema_editor: BaseDatabaseSchemaEditor, removal: FieldRemoval) -> None:
    """Refuse now what could not be dropped later.

    Raises:
        Refused: a view, a generated column or the like is built on the column, or it is a key.
    """
    if schema_editor.collect_sql or not removal.column:
        return
    connection = schema_editor.connection
    column = catalog.get_column(connection, removal.table, removal.column)
    if column is not None and column.in_primary_key:
        raise Refused(
            f'Column "{removal.column}" of table "{removal.table}" is in the primary key, by which '
            "everything else is found. Give the table another primary key first."
        )
    dependents = catalog.dependents_of_column(connection, removal.table, removal.column)
    if dependents:
        raise Refused(
            f'Column "{removal.column}" of table "{removal.table}" cannot be dropped: '
            f"{', '.join(dependents)} would go with it. Drop or change that first, with RunSQL in "
            "a migration before this one."
        )


def expand(
    schema_editor: BaseDatabaseSchemaEditor, removal: FieldRemoval, migration: str = ""
) -> None:
    """Note from now on who still writes the column. `migration` is the one that begins it.

    Locks: SHARE ROW EXCLUSIVE on the table, briefly.
    """
    record = partial(phases.record_expanded, migration=migration)
    _watch(schema_editor, removal, record)


def revert_expand(schema_editor: BaseDatabaseSchemaEditor, removal: FieldRemoval) -> None:
    """Take down what `expand` put up.

    Locks: ACCESS EXCLUSIVE on the table, briefly.
    """

    def take_down() -> None:
        _stop_watching(schema_editor, removal)
        if not schema_editor.collect_sql:
            phases.forget(schema_editor.connection, removal.key)

    briefly(schema_editor, removal.table, take_down)


def contract(
    schema_editor: BaseDatabaseSchemaEditor, removal: FieldRemoval, drop: Callable[[], None]
) -> None:
    """Drop the field's column, or table, behind the gate; archive it first if that is wanted.

    Locks: ROW SHARE while archiving; ACCESS EXCLUSIVE on the table, and on the one that a foreign
    key refers to, briefly; and those of `drop`.

    Args:
        drop: drops it, unless that is done.

    Raises:
        Refused: the gate is closed, something is built on the column, old code has written it
            while it was being archived, or a transaction that has written the table does not end
            within `LOCK_DEADLINE`.
    """
    if not schema_editor.collect_sql:
        if phases.is_in_phase(schema_editor.connection, removal.key, Transition.Phase.CONTRACTED):
            return
        connection, key = schema_editor.connection, removal.key
        transition = phases.require_expanded(connection, key, "ExpandRemoveField")
        gates.require_open(connection, transition, key, "contracted")
        require_removable(schema_editor, removal)
        if removal.archive and catalog.get_column(connection, removal.table, removal.column):
            _archive_and_drop(schema_editor, removal)
    briefly(schema_editor, removal.table, partial(_stop_watching, schema_editor, removal))
    drop()
    if not schema_editor.collect_sql:
        phases.record_contracted(schema_editor.connection, removal.key)


def revert_contract(
    schema_editor: BaseDatabaseSchemaEditor, removal: FieldRemoval, bring_back: Callable[[], None]
) -> None:
    """Bring the field's column, or table, back, with what the archive has kept of it.

    Without an archive it is as empty as a new field. Locks: those of `bring_back`; the rows of
    one batch at a time; SHARE ROW EXCLUSIVE on the table, briefly.

    Args:
        bring_back: adds it, unless that is done.
    """
    bring_back()
    if removal.column and not schema_editor.collect_sql:
        archive.restore(schema_editor.connection, removal.table, removal.column)
    _watch(schema_editor, removal, phases.record_reopened)
    if removal.column and not schema_editor.collect_sql:
        archive.drop(schema_editor.connection, removal.table, removal.column)


def _watch(
    schema_editor: BaseDatabaseSchemaEditor,
    removal: FieldRemoval,
    record: Callable[..., None],
) -> None:
    pair = removal.pair(schema_editor)
    is_done = not schema_editor.collect_sql and phases.is_in_phase(
        schema_editor.connection, removal.key, Transition.Phase.EXPANDED
    )

    def put_up() -> None:
        if removal.column:
            old_writer.install(
                schema_editor, removal.model, pair, default_is_stable=removal.default_is_stable
            )
        if not schema_editor.collect_sql:
            record(schema_editor.connection, removal.key, pair)

    if not is_done:
        briefly(schema_editor, removal.table, put_up, wanted=Lock.SHARE_ROW_EXCLUSIVE)


def _stop_watching(schema_editor: BaseDatabaseSchemaEditor, removal: FieldRemoval) -> None:
    if removal.column:
        dual_write.uninstall(schema_editor, removal.pair(schema_editor))


def _archive_and_drop(schema_editor: BaseDatabaseSchemaEditor, removal: FieldRemoval) -> None:
    """Keep what is in the column, and drop it unless somebody has written it meanwhile."""
    connection = schema_editor.connection
    table, column = quote(connection, removal.table), quote(connection, removal.column)
    # What old code has written by now and not committed yet is evidence of no later time.
    wait_for_writers(connection, removal.table)
    started = time.monotonic()
    archive.keep(connection, removal.table, removal.column)

    def attempt() -> None:
        schema_editor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE", params=None)
        since = evidence.seconds_since_old_write(connection, removal.pair(schema_editor))
        # Evidence is kept in whole seconds.
        if since is not None and since < time.monotonic() - started + 1:
            raise Refused(
                f'Old code has written column "{removal.column}" of table "{removal.table}" while '
                "it was being archived. Nothing was dropped. Stop the old code, then run: "
                "manage.py migrate"
            )
        _stop_watching(schema_editor, removal)
        schema_editor.execute(f"ALTER TABLE {table} DROP COLUMN {column}", params=None)

    briefly(schema_editor, removal.table, attempt)
