"""Renaming a column while old and new code run.

Expand adds a mirror of the column under the new name and keeps the two equal by triggers.
Contract, when nobody uses the old name any more, drops the *mirror* and renames the original:
one short lock, and every index, constraint, default, foreign key, view and statistic of the
column comes along as with a plain RENAME COLUMN, without being rebuilt.

Taking a contract back adds a mirror under the *old* name, so that new code, which is running, goes
on reading the original, and old code can come back as soon as the mirror is filled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model

from zero_downtime.backfills.keys import Key
from zero_downtime.backfills.verification import Comparison, compare
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.errors import Refused
from zero_downtime.models import Transition
from zero_downtime.postgres import catalog, twin_indexes
from zero_downtime.postgres.locks import briefly
from zero_downtime.postgres.shapes import read_shape
from zero_downtime.transitions import dual_write, evidence, gates, phases
from zero_downtime.transitions.pairs import ColumnPair
from zero_downtime.transitions.phases import TransitionKey

KIND = "rename_field"


@dataclass(frozen=True)
class FieldRename:
    """A rename of one field, as seen from the table. `model` is a historical model.

    `mirrors_new` says that the contract has been taken back: the new column is the original then.
    `foreign_key` holds the names of the column's constraint before and after, if it has one.
    """

    key: TransitionKey
    model: type[Model]
    old_column: str
    new_column: str
    mirrors_new: bool = False
    foreign_key: tuple[str, str] | None = None

    @property
    def table(self) -> str:
        """Return the table's name as Django has it."""
        return self.model._meta.db_table

    @property
    def changes_column(self) -> bool:
        """Whether the database notices: with a fixed `db_column` it does not."""
        return self.old_column != self.new_column

    def pair(self, connection: BaseDatabaseWrapper) -> ColumnPair:
        """Return the two columns for the dual write."""
        return ColumnPair.of(
            connection,
            self.table,
            self.old_column,
            self.new_column,
            mirrors_new=self.mirrors_new,
        )

    @property
    def original(self) -> str:
        """Return the column that has always held the values."""
        return self.new_column if self.mirrors_new else self.old_column

    @property
    def mirror(self) -> str:
        """Return the column that was added to hold the same."""
        return self.old_column if self.mirrors_new else self.new_column

    def copy(self) -> CopyColumn:
        """Return the work of the backfill that belongs to this rename."""
        return FillMirror(self.table, self.old_column, self.new_column, self.mirrors_new)


class FillMirror(CopyColumn):
    """Copies the original to its mirror."""

    def __init__(self, table: str, old: str, new: str, mirrors_new: bool = False) -> None:
        original, mirror = (new, old) if mirrors_new else (old, new)
        super().__init__(table, original, mirror)
        self.old, self.new = old, new

    def finish(self, connection: BaseDatabaseWrapper) -> None:
        """Let the triggers know that from now on a NULL in the mirror is meant."""
        pair = ColumnPair.of(connection, self.table, self.old, self.new)
        evidence.record_filled(connection, pair)


def filling(transition: Transition) -> CopyColumn:
    """Return the work of the backfill that belongs to a rename in whatever phase."""
    return FillMirror(
        transition.table,
        transition.old_column,
        transition.new_column,
        transition.mirrors_new,
    )


def expand(
    schema_editor: BaseDatabaseSchemaEditor, rename: FieldRename, migration: str = ""
) -> None:
    """Let both columns live, and keep them equal from now on. `migration` is the one that does it.

    The columns and triggers come in one transaction, so that a failure leaves either all of
    them or none; the mirror's indexes follow, each built concurrently.
    Locks: ACCESS EXCLUSIVE on the table for as long as it takes to write the catalog, under
    `LOCK_TIMEOUT`, with retries; SHARE UPDATE EXCLUSIVE while building indexes.

    Raises:
        Refused: the column cannot be mirrored, or a column of the new name exists already.
    """
    if schema_editor.collect_sql:
        _put_up_mirror(schema_editor, rename)
    elif not phases.is_in_phase(schema_editor.connection, rename.key, Transition.Phase.EXPANDED):
        _require_mirrorable(schema_editor.connection, rename)
        record = partial(phases.record_expanded, migration=migration)
        briefly(schema_editor, rename.table, lambda: _put_up_mirror(schema_editor, rename, record))
    _build_mirror_indexes(schema_editor, rename)


def revert_expand(schema_editor: BaseDatabaseSchemaEditor, rename: FieldRename) -> None:
    """Take down what `expand` put up. What was written through the new name stays in the old.

    Locks: ACCESS EXCLUSIVE on the table, briefly.
    """
    if not schema_editor.collect_sql and _find(schema_editor, rename) is None:
        return
    rename = _as_it_stands(schema_editor, rename)

    def take_down() -> None:
        _drop_mirror(schema_editor, rename)
        if rename.mirrors_new:
            _rename_original(schema_editor, rename, rename.old_column)
        if not schema_editor.collect_sql:
            phases.forget(schema_editor.connection, rename.key)

    briefly(schema_editor, rename.table, take_down)


def contract(schema_editor: BaseDatabaseSchemaEditor, rename: FieldRename) -> None:
    """Make the new name the only one, after comparing every row.

    Locks: ACCESS SHARE while comparing; then ACCESS EXCLUSIVE on the table, briefly.

    Raises:
        Refused: the gate is closed, or rows differ.
    """
    if not schema_editor.collect_sql:
        if phases.is_in_phase(schema_editor.connection, rename.key, Transition.Phase.CONTRACTED):
            return
        rename = _as_it_stands(schema_editor, rename)
        _require_contractable(schema_editor, rename)

    def finish() -> None:
        _drop_mirror(schema_editor, rename)
        if not rename.mirrors_new:
            _rename_original(schema_editor, rename, rename.new_column)
        if not schema_editor.collect_sql:
            phases.record_contracted(schema_editor.connection, rename.key)

    briefly(schema_editor, rename.table, finish)


def revert_contract(
    schema_editor: BaseDatabaseSchemaEditor,
    rename: FieldRename,
    fill: Callable[[CopyColumn], None],
) -> None:
    """Let both columns live again, the old one as a mirror, which the backfill has to fill.

    Locks: ACCESS EXCLUSIVE on the table, briefly.

    Args:
        fill: called with what fills the mirror as soon as there is one, ahead of the indexes:
            until it is filled, old code would read NULL.
    """
    transition = None if schema_editor.collect_sql else _find(schema_editor, rename)
    if transition is not None and transition.phase == Transition.Phase.EXPANDED:
        rename = _as_it_stands(schema_editor, rename)
    else:
        rename = replace(rename, mirrors_new=True)
        record = partial(phases.record_reopened, details={"mirrors_new": True})
        put_up_mirror = partial(_put_up_mirror, schema_editor, rename, record)
        briefly(schema_editor, rename.table, put_up_mirror)
    if not schema_editor.collect_sql:
        fill(rename.copy())
    _build_mirror_indexes(schema_editor, rename)


def compare_sides(connection: BaseDatabaseWrapper, rename: FieldRename) -> Comparison:
    """Compare both columns in every row. Locks: ACCESS SHARE."""
    return compare(connection, rename.copy())


def _as_it_stands(schema_editor: BaseDatabaseSchemaEditor, rename: FieldRename) -> FieldRename:
    """Return the rename with the mirror that it has in this database."""
    transition = None if schema_editor.collect_sql else _find(schema_editor, rename)
    return replace(rename, mirrors_new=transition is not None and transition.mirrors_new)


def _find(schema_editor: BaseDatabaseSchemaEditor, rename: FieldRename) -> Transition | None:
    return phases.find(schema_editor.connection, rename.key)


def _require_mirrorable(connection: BaseDatabaseWrapper, rename: FieldRename) -> None:
    original = catalog.get_column(connection, rename.table, rename.old_column)
    if original is None:
        raise Refused(f'Table "{rename.table}" has no column "{rename.old_column}" to rename.')
    if catalog.get_column(connection, rename.table, rename.new_column) is not None:
        raise Refused(
            f'Table "{rename.table}" has a column "{rename.new_column}" already, which is not '
            "the mirror of a rename. Drop it, or give the field another name."
        )
    Key.of(connection, rename.table)  # or else the mirror could never be filled
    if original.in_primary_key:
        raise Refused(
            f'Column "{rename.old_column}" of table "{rename.table}" is in the primary key and '
            f"cannot be mirrored. Rename the field only, with db_column={rename.old_column!r}."
        )
    if original.generated:
        raise Refused(
            f'Column "{rename.old_column}" of table "{rename.table}" is generated, so nobody '
            "writes it. Add a generated field of the new name and remove the old one later."
        )


def _require_contractable(schema_editor: BaseDatabaseSchemaEditor, rename: FieldRename) -> None:
    connection = schema_editor.connection
    transition = phases.require_expanded(connection, rename.key, "ExpandRenameField")
    gates.require_open(connection, transition, rename.key, "contracted")
    _require_untouched_mirror(connection, rename)
    comparison = compare_sides(connection, rename)
    if not comparison.equal:
        raise Refused(
            f'Columns "{rename.old_column}" and "{rename.new_column}" of table '
            f'"{rename.table}" are not equal: {comparison}. Nothing was dropped. '
            f"{gates.how_to_repair(connection, transition)}"
        )


def _require_untouched_mirror(connection: BaseDatabaseWrapper, rename: FieldRename) -> None:
    """Refuse to drop a mirror that a migration in between has changed: the change would go too."""
    original = catalog.get_column(connection, rename.table, rename.original)
    mirror = catalog.get_column(connection, rename.table, rename.mirror)
    if original is None or mirror is None:
        raise Refused(
            f'Table "{rename.table}" should have both columns "{rename.old_column}" and '
            f'"{rename.new_column}" by now. Somebody has dropped one by hand; '
            "migrate back to before the expand to see what is left."
        )
    added = [
        name
        for name in catalog.built_on_column(connection, rename.table, rename.mirror)
        if not name.startswith(twin_indexes.PREFIX)
    ]
    if mirror.type != original.type or mirror.not_null > original.not_null or added:
        what = f"{', '.join(added)} was added to it" if added else "its type or NULL was changed"
        raise Refused(
            f'Column "{rename.mirror}" of table "{rename.table}" is dropped by the contract '
            f"in favour of the original, but since the expand {what}. "
            "Move the operation that did so behind the ContractRenameField: migrate back to "
            "before it, change the order, and migrate again."
        )


def _put_up_mirror(
    schema_editor: BaseDatabaseSchemaEditor,
    rename: FieldRename,
    record: Callable[
        [BaseDatabaseWrapper, TransitionKey, ColumnPair], None
    ] = phases.record_expanded,
) -> None:
    connection = schema_editor.connection
    schema_editor.execute(
        f"ALTER TABLE {schema_editor.quote_name(rename.table)} "
        f"ADD COLUMN {schema_editor.quote_name(rename.mirror)} "
        f"{_mirror_type(connection, rename)}",
        params=None,
    )
    pair = rename.pair(connection)
    dual_write.install(schema_editor, rename.model, pair)
    if not schema_editor.collect_sql:
        record(connection, rename.key, pair)


def _build_mirror_indexes(schema_editor: BaseDatabaseSchemaEditor, rename: FieldRename) -> None:
    connection = schema_editor.connection
    if schema_editor.collect_sql and not catalog.table_exists(connection, rename.table):
        return
    twins = twin_indexes.twins_of(connection, rename.table, rename.original, rename.mirror)
    twin_indexes.build(schema_editor, rename.table, twins)


def _mirror_type(connection: BaseDatabaseWrapper, rename: FieldRename) -> str:
    """Return the original's type as the catalog has it: no default, and NULL until filled."""
    original = catalog.get_column(connection, rename.table, rename.original)
    if original is None:  # `sqlmigrate` before the table exists
        field = rename.model._meta.get_field(rename.key.new_name)
        return str(field.db_type(connection))
    if original.collation is None:
        return original.type
    return f"{original.type} COLLATE {original.collation}"


def _drop_mirror(schema_editor: BaseDatabaseSchemaEditor, rename: FieldRename) -> None:
    dual_write.uninstall(schema_editor, rename.pair(schema_editor.connection))
    schema_editor.execute(
        f"ALTER TABLE {schema_editor.quote_name(rename.table)} "
        f"DROP COLUMN {schema_editor.quote_name(rename.mirror)}",
        params=None,
    )


def _rename_original(
    schema_editor: BaseDatabaseSchemaEditor, rename: FieldRename, name: str
) -> None:
    """Let the original be called `name`, and its foreign key as Django calls that of `name`."""
    connection = schema_editor.connection
    alter = f"ALTER TABLE {schema_editor.quote_name(rename.table)}"
    schema_editor.execute(
        f"{alter} RENAME COLUMN {schema_editor.quote_name(rename.original)} "
        f"TO {schema_editor.quote_name(name)}",
        params=None,
    )
    if rename.foreign_key is None:
        return
    old, new = reversed(rename.foreign_key) if rename.mirrors_new else rename.foreign_key
    if schema_editor.collect_sql or old in read_shape(connection, rename.table).constraints:
        schema_editor.execute(
            f"{alter} RENAME CONSTRAINT {schema_editor.quote_name(old)} "
            f"TO {schema_editor.quote_name(new)}",
            params=None,
        )
