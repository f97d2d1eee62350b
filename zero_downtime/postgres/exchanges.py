"""Two columns of one table that exchange their names, and what belongs to them with them.

All of it is written to the catalog in one transaction, and no row is read. What restricts the
former column (NOT NULL, constraints, unique indexes) goes: from then on it only has to hold what
it can of the other one. Its plain indexes stay, under names of ours, for the way back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres import catalog, identifiers
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.indexes import partition_object_name
from zero_downtime.postgres.replacements import PREFIX, Replacement, hidden_name
from zero_downtime.postgres.shapes import read_shape


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
    kept = _kept_indexes(connection, table, known_as)
    statements = [
        *relax(connection, table, hidden, known_as),
        *(_rename_index(connection, *each.to_aside) for each in kept),
        *_names_of_built(connection, replacement),
        *(_rename_index(connection, *each.to_hidden) for each in kept),
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


@dataclass(frozen=True)
class _KeptIndex:
    """An index of the former column, which waits aside while another one takes its name."""

    table: str
    name: str
    aside: str
    hidden: str

    @property
    def to_aside(self) -> tuple[str, str, str]:
        return self.table, self.name, self.aside

    @property
    def to_hidden(self) -> tuple[str, str, str]:
        return self.table, self.aside, self.hidden


def _kept_indexes(connection: BaseDatabaseWrapper, table: str, column: str) -> list[_KeptIndex]:
    built_on = set(catalog.built_on_column(connection, table, column))
    indexes = read_shape(connection, table).indexes
    return [
        _KeptIndex(each, *names)
        for name, index in indexes.items()
        if name in built_on and not index.unique
        for each, names in _with_partitions(
            connection, table, name, _aside(name), hidden_name(name)
        )
    ]


def _names_of_built(connection: BaseDatabaseWrapper, replacement: Replacement) -> Iterator[str]:
    """Yield statements that give what was built on the hidden column the names it is to have."""
    table = replacement.table
    for name in replacement.indexes:
        for each, (old, new) in _with_partitions(connection, table, hidden_name(name), name):
            yield _rename_index(connection, each, old, new)
    for name, constraint in replacement.constraints.items():
        if constraint.type == "c":  # which partitions inherit together with its name
            yield _rename(connection, table, "CONSTRAINT", hidden_name(name), name)
            continue
        for each, (old, new) in _with_partitions(connection, table, hidden_name(name), name):
            yield _rename(connection, each, "CONSTRAINT", old, new)


def _with_partitions(
    connection: BaseDatabaseWrapper, table: str, *names: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the table with the names that a thing has, and gets, there; then its partitions.

    But not those in which it was not built by us, and has a name that can stay.
    """
    yield table, names
    for partition in catalog.partitions_of(connection, table) or ():
        its_names = tuple(partition_object_name(partition, name) for name in names)
        there = read_shape(connection, partition)
        if its_names[0] in there.indexes or its_names[0] in there.constraints:
            yield from _with_partitions(connection, partition, *its_names)


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
