"""A hidden column that takes the place of another one under its name.

What belongs to the column in the end (indexes, constraints, NOT NULL) is built on the hidden one
under names of ours without blocking anybody. Then both exchange their names in one transaction
that reads no row. What restricted the former column goes in that transaction, because from then
on it only has to hold what it can of the other one; its plain indexes stay for the way back.
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


def exchange_columns(connection: BaseDatabaseWrapper, replacement: Replacement) -> list[str]:
    """Return the statements that let the two columns exchange their names.

    Locks: ACCESS EXCLUSIVE on the table.
    """
    table, name, hidden = replacement.table, replacement.name, replacement.column.name
    return [
        _rename(connection, table, "COLUMN", name, _aside(name)),
        _rename(connection, table, "COLUMN", hidden, name),
        _rename(connection, table, "COLUMN", _aside(name), hidden),
    ]


def exchange_belongings(
    connection: BaseDatabaseWrapper, replacement: Replacement, *, is_exchanged: bool = True
) -> list[str]:
    """Return the statements after which each column has what belongs to its name.

    They come after those of `exchange_columns`.
    Locks: ACCESS EXCLUSIVE on the table, and on those that the foreign keys point at.

    Args:
        is_exchanged: whether those have been run; not so while `sqlmigrate` collects SQL.
    """
    table, name, hidden = replacement.table, replacement.name, replacement.column.name
    known_as = hidden if is_exchanged else name
    kept = _plain_indexes(connection, table, known_as)
    statements = [
        *relax(connection, table, hidden, known_as),
        *(_rename_index(connection, table, each, _aside(each)) for each in kept),
        *(
            _rename_index(connection, table, hidden_name(each), each)
            for each in replacement.indexes
        ),
        *(
            _rename(connection, table, "CONSTRAINT", hidden_name(each), each)
            for each in replacement.constraints
        ),
        *(_rename_index(connection, table, _aside(each), hidden_name(each)) for each in kept),
    ]
    if replacement.column.default is not None:
        statements.append(
            f"ALTER TABLE {quote(connection, table)} ALTER COLUMN {quote(connection, name)} "
            f"SET DEFAULT {replacement.column.default}"
        )
    if is_exchanged:
        statements += _rename_of_not_null(connection, table, name, hidden)
    return statements


def _rename_of_not_null(
    connection: BaseDatabaseWrapper, table: str, name: str, hidden: str
) -> list[str]:
    """From PostgreSQL 18 on NOT NULL has a name, which is made of that of the column."""
    called = catalog.not_null_constraint(connection, table, name)
    if called is None:
        return []
    former = catalog.not_null_constraint(connection, table, hidden)
    proper = former or identifiers.fit(f"{_bare(table)}_{name}_not_null")
    return [_rename(connection, table, "CONSTRAINT", called, proper)]


def relax(
    connection: BaseDatabaseWrapper, table: str, column: str, known_as: str | None = None
) -> list[str]:
    """Return the statements after which `column` accepts whatever fits its type, and NULL.

    Locks: ACCESS EXCLUSIVE on the table, and on those that its foreign keys point at.

    Args:
        known_as: the name that the column has in the catalog now, if that is another one.
    """
    now = read_shape(connection, table)
    built_on = set(catalog.built_on_column(connection, table, known_as or column))
    alter = f"ALTER TABLE {quote(connection, table)}"
    statements = [
        f"{alter} DROP CONSTRAINT {quote(connection, name)}"
        for name in now.constraints
        if name in built_on
    ]
    statements += [
        f"DROP INDEX {_qualified(connection, table, name)}"
        for name, index in now.indexes.items()
        if name in built_on and index.unique
    ]
    shape = now.columns.get(known_as or column)
    if shape is not None and shape.not_null:
        statements.append(f"{alter} ALTER COLUMN {quote(connection, column)} DROP NOT NULL")
    if shape is not None and shape.default is not None:
        statements.append(f"{alter} ALTER COLUMN {quote(connection, column)} DROP DEFAULT")
    return statements


def _plain_indexes(connection: BaseDatabaseWrapper, table: str, column: str) -> list[str]:
    built_on = set(catalog.built_on_column(connection, table, column))
    indexes = read_shape(connection, table).indexes
    return [name for name, index in indexes.items() if name in built_on and not index.unique]


def _aside(name: str) -> str:
    return identifiers.fit(f"{PREFIX}aside_{name}")


def _bare(table: str) -> str:
    """Return the table's name without the schema that a project may have smuggled into it."""
    return table.strip('"').rpartition('"."')[2]


def _rename(connection: BaseDatabaseWrapper, table: str, what: str, old: str, new: str) -> str:
    return (
        f"ALTER TABLE {quote(connection, table)} "
        f"RENAME {what} {quote(connection, old)} TO {quote(connection, new)}"
    )


def _rename_index(connection: BaseDatabaseWrapper, table: str, old: str, new: str) -> str:
    return f"ALTER INDEX {_qualified(connection, table, old)} RENAME TO {quote(connection, new)}"


def _qualified(connection: BaseDatabaseWrapper, table: str, name: str) -> str:
    """Return an index's name as it has to stand in SQL, whatever the `search_path`."""
    schema = catalog.schema_of(connection, table)
    return f"{quote(connection, schema)}.{quote(connection, name)}"
