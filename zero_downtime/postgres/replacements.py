"""Hidden columns that take the place of others under their names.

What belongs to a column in the end (indexes, constraints, NOT NULL) is built on the hidden one
under names of ours without blocking anybody. Then they exchange their names; see `exchanges`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.postgres import catalog, identifiers
from zero_downtime.postgres.changes import AddConstraint, AddIndex, SetComment, SetNotNull
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.locks import patiently, retry_lock_failures
from zero_downtime.postgres.shapes import (
    ColumnShape,
    ConstraintShape,
    IndexShape,
    TableShape,
    read_shape,
)
from zero_downtime.postgres.steps import OnlineTable

PREFIX = "zero_downtime_"


def hidden_name(name: str) -> str:
    """Return the name that a column, or what is built on it, has while it is hidden."""
    return identifiers.fit(f"{PREFIX}{name}")


@dataclass(frozen=True)
class Replacement:
    """What the hidden columns of a table have to have before they can take the names.

    Args:
        columns: what the hidden ones are to be like, by the names that they are to take.
        indexes, constraints: as they are on the hidden columns, by the names they get in the end.
        targets: tables that foreign keys point at, by bare name, as Django names them.
    """

    table: str
    columns: Mapping[str, ColumnShape]
    indexes: Mapping[str, IndexShape]
    constraints: Mapping[str, ConstraintShape]
    targets: Mapping[str, str]

    @classmethod
    def between(
        cls,
        table: str,
        names: Sequence[str],
        visible: TableShape,
        hidden: TableShape,
        targets: Mapping[str, str],
    ) -> Replacement:
        """Return what `hidden` has because of the columns that are called `names`.

        Args:
            visible: the table in the end.
            hidden: the same, but for the names of columns, which are still the hidden ones'.
        """
        return cls(
            table,
            {name: hidden.columns[hidden_name(name)] for name in names},
            {key: each for key, each in hidden.indexes.items() if each != visible.indexes[key]},
            {
                key: each
                for key, each in hidden.constraints.items()
                if each != visible.constraints[key]
            },
            targets,
        )

    @classmethod
    def by(
        cls,
        connection: BaseDatabaseWrapper,
        table: str,
        known_as: Mapping[str, str],
        targets: Mapping[str, str],
    ) -> Replacement:
        """Return what columns have as it stands in the database.

        Args:
            known_as: what the columns are called now, by what they are to be called in the end.
        """
        now = read_shape(connection, table)
        built_on = {
            built
            for column in known_as.values()
            for built in catalog.built_on_column(connection, table, column)
        }
        return cls(
            table,
            {
                name: now.columns[column]
                for name, column in known_as.items()
                if column in now.columns
            },
            {key: each for key, each in now.indexes.items() if key in built_on},
            {key: each for key, each in now.constraints.items() if key in built_on},
            targets,
        )

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Replacement:
        """Return the replacement of which `asdict()` made `kept`."""
        return cls(
            kept["table"],
            {name: ColumnShape(**each) for name, each in kept["columns"].items()},
            {name: IndexShape(**each) for name, each in kept["indexes"].items()},
            {name: ConstraintShape.from_json(each) for name, each in kept["constraints"].items()},
            kept["targets"],
        )

    @property
    def hidden_names(self) -> dict[str, str]:
        """Return the names of the hidden columns, by those that they are to take."""
        return {name: hidden_name(name) for name in self.columns}

    @property
    def referenced_tables(self) -> list[str]:
        """Return the tables that foreign keys of the columns point at, as Django names them."""
        found = [each.target.table for each in self.constraints.values() if each.target]
        return [self.targets.get(table, table) for table in found]


def build(schema_editor: BaseDatabaseSchemaEditor, replacements: Sequence[Replacement]) -> None:
    """Put on hidden columns what the visible ones are to have, as far as it is not there yet.

    A foreign key needs the unique index of the column that it points at, so those come last.
    Locks: SHARE UPDATE EXCLUSIVE on one table at a time, which lets reads and writes pass, while
    reading it; a foreign key takes SHARE ROW EXCLUSIVE on both tables for an instant.

    Raises:
        Refused: rows stand in the way of a constraint.
    """
    for each in replacements:
        _build_on(schema_editor, each)
    for each in replacements:
        _add_constraints(schema_editor, each, _is_foreign_key)


def _build_on(schema_editor: BaseDatabaseSchemaEditor, replacement: Replacement) -> None:
    table = _online(schema_editor, replacement)
    for name, index in replacement.indexes.items():
        table.apply(AddIndex(hidden_name(name), index))
    _add_constraints(schema_editor, replacement, lambda each: not _is_foreign_key(each))
    columns = replacement.columns.values()
    for column in columns:
        if column.comment is not None:
            table.apply(SetComment(column.name, column.comment))
    _analyze(schema_editor, replacement)
    for column in columns:
        if column.not_null:
            table.apply(SetNotNull(column.name))


def _add_constraints(
    schema_editor: BaseDatabaseSchemaEditor,
    replacement: Replacement,
    chosen: Callable[[ConstraintShape], bool],
) -> None:
    table = _online(schema_editor, replacement)
    for name, constraint in _by_weight(replacement.constraints):
        if not chosen(constraint):
            continue
        if constraint.type == "p":  # a table has only one; until the exchange its index will do
            assert constraint.index_body is not None
            index = IndexShape(unique=True, body=constraint.index_body)
            table.apply(AddIndex(hidden_name(name), index))
        else:
            table.apply(AddConstraint(hidden_name(name), constraint))


def _is_foreign_key(constraint: ConstraintShape) -> bool:
    return constraint.target is not None


def _online(schema_editor: BaseDatabaseSchemaEditor, replacement: Replacement) -> OnlineTable:
    return OnlineTable(
        schema_editor,
        replacement.table,
        fill=_never_fill,
        targets=replacement.targets,
        wanted=TableShape(),
    )


def _by_weight(
    constraints: Mapping[str, ConstraintShape],
) -> Iterator[tuple[str, ConstraintShape]]:
    """Yield what takes long to build first: the rest restricts writers for a shorter time."""
    yield from sorted(constraints.items(), key=lambda item: item[1].index_body is None)


def _analyze(schema_editor: BaseDatabaseSchemaEditor, replacement: Replacement) -> None:
    """Without statistics of its own a column would be planned for as if nothing were in it."""
    connection = schema_editor.connection
    columns = ", ".join(quote(connection, name) for name in replacement.hidden_names.values())
    statement = f"ANALYZE {quote(connection, replacement.table)} ({columns})"
    retry_lock_failures(
        connection,
        lambda: patiently(schema_editor, replacement.table, statement),
        {replacement.table: None},
    )


def _never_fill(table: str, column: str, value: str) -> None:
    raise AssertionError("a hidden column is filled by its backfill")
