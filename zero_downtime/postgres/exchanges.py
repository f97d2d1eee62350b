"""Columns of a table that exchange their names with hidden ones, and all that belongs to them.

All of it is written to the catalog in one transaction, and no row is read. What restricts the
former columns (NOT NULL, constraints, unique indexes) goes: from then on they only have to hold
what they can of the others. Their plain indexes stay, under names of ours, for the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres import catalog, identifiers
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.indexes import partition_object_name
from zero_downtime.postgres.replacements import PREFIX, Replacement, hidden_name
from zero_downtime.postgres.sequences import hand_over, owned_sequence
from zero_downtime.postgres.shapes import read_shape

Naming = Callable[[str], str]


def drop_foreign_keys(connection: BaseDatabaseWrapper, former: Replacement) -> list[str]:
    """Return the statements that drop the foreign keys of former columns.

    Locks: ACCESS EXCLUSIVE on the table, and on those that they point at.
    """
    return _drop_constraints(connection, former, foreign_keys=True)


def relax(connection: BaseDatabaseWrapper, former: Replacement, schema: str) -> list[str]:
    """Return the statements after which hidden columns accept whatever fits their types, and NULL.

    They come after those of `drop_foreign_keys`.
    Locks: ACCESS EXCLUSIVE on the table.

    Args:
        former: what the columns have, by the names that they had, or are to take.
        schema: that of the table.
    """
    statements = _drop_constraints(connection, former, foreign_keys=False)
    statements += [
        f"DROP INDEX {quote(connection, schema)}.{quote(connection, name)}"
        for name, index in former.indexes.items()
        if index.unique
    ]
    for name, column in former.columns.items():
        alter = _alter_column(connection, former.table, hidden_name(name))
        if column.not_null:
            statements.append(f"{alter} DROP NOT NULL")
        if column.default is not None:
            statements.append(f"{alter} DROP DEFAULT")
    return statements


def _drop_constraints(
    connection: BaseDatabaseWrapper, former: Replacement, *, foreign_keys: bool
) -> list[str]:
    return [
        f"ALTER TABLE {quote(connection, former.table)} DROP CONSTRAINT {quote(connection, name)}"
        for name, constraint in former.constraints.items()
        if (constraint.target is not None) == foreign_keys
    ]


class Exchange:
    """How the columns of one table exchange their names, and what belongs to them with them.

    It is made when the hidden columns have all they need, and asks then what does not change
    any more: others wait while the statements run.
    """

    def __init__(self, connection: BaseDatabaseWrapper, replacement: Replacement) -> None:
        self.connection = connection
        self.replacement = replacement
        self.table = replacement.table
        self.schema = catalog.schema_of(connection, self.table)
        self.schema_of = cache(partial(catalog.schema_of, connection))
        self.partitions_of = cache(partial(catalog.partitions_of, connection))
        self.shape_of = cache(partial(read_shape, connection))
        self.sequences = {
            name: owned_sequence(connection, self.table, name) for name in replacement.columns
        }
        self.built = [*self._names_of_built(), *self._names_of_not_null()]

    def columns(self) -> list[str]:
        """Return the statements that let the columns exchange their names.

        Locks: ACCESS EXCLUSIVE on the table.
        """
        statements = []
        for name, hidden in self.replacement.hidden_names.items():
            statements += [
                _rename(self.connection, self.table, "COLUMN", name, _aside(name)),
                _rename(self.connection, self.table, "COLUMN", hidden, name),
                _rename(self.connection, self.table, "COLUMN", _aside(name), hidden),
            ]
        return statements

    def belongings(self, former: Replacement) -> list[str]:
        """Return the statements after which each column has what belongs to its name.

        They come after those of `columns` and, for all tables, of `drop_foreign_keys`: the former
        foreign keys hold on to the former indexes.
        Locks: ACCESS EXCLUSIVE on the table.

        Args:
            former: what the former columns have.
        """
        return [
            *self._sequences(),
            *relax(self.connection, former, self.schema),
            # Plain indexes wait aside until others have taken their names.
            *self._rename_kept(former, lambda name: name, _aside),
            *self.built,
            *self._rename_kept(former, _aside, hidden_name),
            *self._defaults(),
        ]

    def _sequences(self) -> Iterator[str]:
        for name, column in self.replacement.columns.items():
            sequence = self.sequences[name]
            if sequence is not None:
                yield from hand_over(
                    self.connection, sequence, self.table, hidden_name(name), name, column.type
                )

    def _defaults(self) -> Iterator[str]:
        for name, column in self.replacement.columns.items():
            if column.default is not None:
                alter = _alter_column(self.connection, self.table, name)
                yield f"{alter} SET DEFAULT {column.default}"

    def _rename_kept(self, former: Replacement, old: Naming, new: Naming) -> Iterator[str]:
        for name, index in former.indexes.items():
            if not index.unique:
                names = name, old(name), new(name)
                for table, (_, its_old, its_new) in self._with_partitions(self.table, *names):
                    yield self._rename_index(table, its_old, its_new)

    def _names_of_built(self) -> Iterator[str]:
        """Yield statements that give what was built on hidden columns the names it is to have."""
        connection, table = self.connection, self.table
        for name in self.replacement.indexes:
            for each, (old, new) in self._with_partitions(table, hidden_name(name), name):
                yield self._rename_index(each, old, new)
        for name, constraint in self.replacement.constraints.items():
            if constraint.type == "p":
                yield (
                    f"ALTER TABLE {quote(connection, table)} ADD CONSTRAINT "
                    f"{quote(connection, name)} PRIMARY KEY USING INDEX "
                    f"{quote(connection, hidden_name(name))}"
                )
                continue
            if constraint.type == "c":  # which partitions inherit together with its name
                yield _rename(connection, table, "CONSTRAINT", hidden_name(name), name)
                continue
            for each, (old, new) in self._with_partitions(table, hidden_name(name), name):
                yield _rename(connection, each, "CONSTRAINT", old, new)

    def _names_of_not_null(self) -> Iterator[str]:
        """From PostgreSQL 18 on NOT NULL has a name, which is made of that of the column."""
        for name, hidden in self.replacement.hidden_names.items():
            called = catalog.not_null_constraint(self.connection, self.table, hidden)
            if called is not None:
                former = catalog.not_null_constraint(self.connection, self.table, name)
                proper = former or identifiers.fit(f"{_bare(self.table)}_{name}_not_null")
                yield _rename(self.connection, self.table, "CONSTRAINT", called, proper)

    def _with_partitions(self, table: str, *names: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the table with the names that a thing has, and gets, there; then its partitions.

        But not those in which it was not built by us, and has a name that can stay.
        """
        yield table, names
        for partition in self.partitions_of(table) or ():
            its_names = tuple(partition_object_name(partition, name) for name in names)
            there = self.shape_of(partition)
            if its_names[0] in there.indexes or its_names[0] in there.constraints:
                yield from self._with_partitions(partition, *its_names)

    def _rename_index(self, table: str, old: str, new: str) -> str:
        schema = quote(self.connection, self.schema_of(table))
        old, new = quote(self.connection, old), quote(self.connection, new)
        return f"ALTER INDEX {schema}.{old} RENAME TO {new}"


def _aside(name: str) -> str:
    return identifiers.fit(f"{PREFIX}aside_{name}")


def _bare(table: str) -> str:
    """Return the table's name without the schema that a project may have smuggled into it."""
    return table.strip('"').rpartition('"."')[2]


def _alter_column(connection: BaseDatabaseWrapper, table: str, column: str) -> str:
    return f"ALTER TABLE {quote(connection, table)} ALTER COLUMN {quote(connection, column)}"


def _rename(connection: BaseDatabaseWrapper, table: str, what: str, old: str, new: str) -> str:
    return (
        f"ALTER TABLE {quote(connection, table)} "
        f"RENAME {what} {quote(connection, old)} TO {quote(connection, new)}"
    )
