"""What is in the tables, so that it can be told what a migration has changed for good."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

#: A table with fewer rows is done with before anybody notices.
BIG = 1000


@dataclass(frozen=True)
class Column:
    table: str
    name: str
    digest: str
    """The same for the same values, in whatever order."""
    generated: bool


@dataclass(frozen=True)
class Contents:
    """Tables by oid, columns by oid and number: both stay the same when they are renamed."""

    tables: dict[int, str]
    columns: dict[tuple[int, int], Column]
    big: frozenset[int]
    """Tables with many rows."""
    indexes: dict[int, int]
    """The table of each index, by the index's oid."""
    references: frozenset[tuple[int, str, int]]
    """Foreign keys: (referencing table, columns, referenced table)."""
    demands: frozenset[tuple[int, str]]
    """What rows of a table have to fulfil: (table, definition of a constraint or unique index)."""


def look(connection: psycopg.Connection, *, values: bool = True) -> Contents:
    """Return what is in the tables now; without `values`, only which columns there are."""
    tables: dict[int, str] = dict(
        connection.execute(
            "SELECT oid, oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p', 'm') "
            "AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'"
        ).fetchall()
    )
    columns: dict[tuple[int, int], Column] = {}
    big = set()
    for oid, name in tables.items():
        rows, found = _columns(connection, oid, name, values)
        columns |= found
        if rows >= BIG:
            big.add(oid)
    references = connection.execute(
        "SELECT conrelid, conkey::text, confrelid FROM pg_constraint WHERE contype = 'f'"
    ).fetchall()
    demands = connection.execute(
        "SELECT conrelid, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('c', 'x') "
        "UNION SELECT indrelid, indexrelid::text FROM pg_index WHERE indisunique"
    ).fetchall()
    return Contents(
        tables,
        columns,
        frozenset(big),
        dict(connection.execute("SELECT indexrelid, indrelid FROM pg_index").fetchall()),
        frozenset((int(a), str(b), int(c)) for a, b, c in references),
        frozenset((int(table), str(demand)) for table, demand in demands),
    )


def _columns(
    connection: psycopg.Connection, oid: int, table: str, values: bool
) -> tuple[int, dict[tuple[int, int], Column]]:
    attributes = connection.execute(
        "SELECT attnum, attname, attgenerated <> '' FROM pg_attribute "
        "WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [oid],
    ).fetchall()
    if not values:
        return 0, {
            (oid, number): Column(table, name, "", generated)
            for number, name, generated in attributes
        }
    if not _is_filled(connection, oid):
        return 0, {}
    digests = [
        sql.SQL("sum(hashtext({}::text))").format(sql.Identifier(name)) for _, name, _ in attributes
    ]
    row = connection.execute(
        sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join([sql.SQL("count(*)"), *digests]), sql.SQL(table)
        )
    ).fetchone()
    assert row is not None
    return row[0], {
        (oid, number): Column(table, name, f"{row[0]} {digest}", generated)
        for (number, name, generated), digest in zip(attributes, row[1:], strict=True)
    }


def _is_filled(connection: psycopg.Connection, oid: int) -> bool:
    row = connection.execute("SELECT relispopulated FROM pg_class WHERE oid = %s", [oid]).fetchone()
    return bool(row and row[0])
