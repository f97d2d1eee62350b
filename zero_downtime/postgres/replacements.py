"""A hidden column that takes the place of another one under its name.

What belongs to the column in the end (indexes, constraints, NOT NULL) is built on the hidden one
under names of ours without blocking anybody. Then the two exchange their names; see `exchanges`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    """What the hidden column has to have before it can take the name.

    Args:
        name: of the visible column.
        column: what the hidden one is to be like, under its own name.
        indexes, constraints: as they are on the hidden column, by the names they get in the end.
        targets: tables that foreign keys point at, by bare name, as Django names them.
    """

    table: str
    name: str
    column: ColumnShape
    indexes: Mapping[str, IndexShape]
    constraints: Mapping[str, ConstraintShape]
    targets: Mapping[str, str]

    @classmethod
    def between(
        cls,
        table: str,
        name: str,
        visible: TableShape,
        hidden: TableShape,
        targets: Mapping[str, str],
    ) -> Replacement:
        """Return what `hidden` has because of the column.

        Args:
            visible: the table in the end.
            hidden: the same, but for the name of the column, which is still the hidden one's.
        """
        return cls(
            table,
            name,
            hidden.columns[hidden_name(name)],
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
        cls, connection: BaseDatabaseWrapper, table: str, name: str, targets: Mapping[str, str]
    ) -> Replacement:
        """Return what the column has that is the hidden one now, as it stands in the database."""
        now = read_shape(connection, table)
        built_on = set(catalog.built_on_column(connection, table, hidden_name(name)))
        return cls(
            table,
            name,
            now.columns[hidden_name(name)],
            {key: each for key, each in now.indexes.items() if key in built_on},
            {key: each for key, each in now.constraints.items() if key in built_on},
            targets,
        )

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Replacement:
        """Return the replacement of which `asdict()` made `kept`."""
        return cls(
            kept["table"],
            kept["name"],
            ColumnShape(**kept["column"]),
            {name: IndexShape(**each) for name, each in kept["indexes"].items()},
            {name: ConstraintShape.from_json(each) for name, each in kept["constraints"].items()},
            kept["targets"],
        )

    @property
    def referenced_tables(self) -> list[str]:
        """Return the tables that foreign keys of the column point at, as Django names them."""
        found = [each.target.table for each in self.constraints.values() if each.target]
        return [self.targets.get(table, table) for table in found]


def build(schema_editor: BaseDatabaseSchemaEditor, replacement: Replacement) -> None:
    """Put on the hidden column what the visible one is to have, as far as it is not there yet.

    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass, while reading
    it; a foreign key takes SHARE ROW EXCLUSIVE on both tables for an instant.

    Raises:
        Refused: rows stand in the way of a constraint.
    """
    table = OnlineTable(
        schema_editor,
        replacement.table,
        fill=_never_fill,
        targets=replacement.targets,
        wanted=TableShape(),
    )
    column = replacement.column
    for name, index in replacement.indexes.items():
        table.apply(AddIndex(hidden_name(name), index))
    for name, constraint in _by_weight(replacement.constraints):
        table.apply(AddConstraint(hidden_name(name), constraint))
    if column.comment is not None:
        table.apply(SetComment(column.name, column.comment))
    _analyze(schema_editor, replacement)
    if column.not_null:
        table.apply(SetNotNull(column.name))


def _by_weight(
    constraints: Mapping[str, ConstraintShape],
) -> Iterator[tuple[str, ConstraintShape]]:
    """Yield what takes long to build first: the rest restricts writers for a shorter time."""
    yield from sorted(constraints.items(), key=lambda item: item[1].index_body is None)


def _analyze(schema_editor: BaseDatabaseSchemaEditor, replacement: Replacement) -> None:
    """Without statistics of its own the column would be planned for as if nothing were in it."""
    connection = schema_editor.connection
    column = quote(connection, replacement.column.name)
    statement = f"ANALYZE {quote(connection, replacement.table)} ({column})"
    retry_lock_failures(
        connection,
        lambda: patiently(schema_editor, replacement.table, statement),
        replacement.table,
    )


def _never_fill(table: str, column: str, value: str) -> None:
    raise AssertionError("a hidden column is filled by its backfill")
