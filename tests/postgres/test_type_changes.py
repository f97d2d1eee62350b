"""What is said of types without a server is what a server does."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from zero_downtime.postgres.type_changes import Conversion, conversion, has_cast, rewrites_table

TYPES = [
    "varchar(10)",
    "varchar(20)",
    "varchar",
    "text",
    "citext",
    "smallint",
    "integer",
    "bigint",
    "numeric(6, 2)",
    "numeric(8, 2)",
    "numeric(8, 4)",
    "numeric",
    "double precision",
    "boolean",
    "date",
    "time",
    "timestamp",
    "timestamp with time zone",
    "interval",
    "uuid",
    "jsonb",
    "inet",
    "bytea",
    "varchar(10)[]",
    "varchar(20)[]",
    "varchar[]",
    "varchar[3]",
    "text[]",
    "integer[]",
    "integer[4]",
    "numeric(6, 2)[]",
    "numeric(8, 2)[]",
    "numeric[]",
    "int4range",
]


@pytest.fixture
def table(pg: psycopg.Connection) -> psycopg.Connection:
    """A connection to a database that knows all the types, with a table `book`."""
    pg.execute("CREATE EXTENSION citext")
    pg.execute("CREATE TABLE book (id integer)")
    # In UTC alone PostgreSQL takes the two kinds of timestamp for each other.
    pg.execute("SET TimeZone = 'America/New_York'")
    return pg


def alter(connection: psycopg.Connection, before: str, after: str) -> bool | None:
    """Return whether the table is rewritten; None if there is no cast."""

    def file() -> object:
        return connection.execute("SELECT pg_relation_filenode('book')").fetchone()

    connection.execute("ALTER TABLE book DROP COLUMN IF EXISTS code")
    connection.execute(f"ALTER TABLE book ADD COLUMN code {before}")
    old_file = file()
    try:
        connection.execute(f"ALTER TABLE book ALTER COLUMN code TYPE {after} USING code::{after}")
    except errors.CannotCoerce:
        return None
    return file() != old_file


@pytest.mark.parametrize("before", TYPES)
def test_a_change_of_type_rewrites_the_table_or_not(table: psycopg.Connection, before: str) -> None:
    observed = {after: alter(table, before, after) for after in TYPES}

    assert {
        after: rewrites_table(before, after)
        for after, rewritten in observed.items()
        if rewritten is not None
    } == {after: rewritten for after, rewritten in observed.items() if rewritten is not None}


@pytest.mark.parametrize("before", TYPES)
def test_where_a_cast_is_known_there_is_one(table: psycopg.Connection, before: str) -> None:
    known = [after for after in TYPES if has_cast(before, after)]

    assert known
    assert [after for after in known if alter(table, before, after) is None] == []


@pytest.mark.parametrize(
    ("before", "after"),
    [("integer", "uuid"), ("bigint", "timestamp with time zone"), ("integer", "integer[]")],
)
def test_where_there_is_none_none_is_known(before: str, after: str) -> None:
    assert not has_cast(before, after)


def test_types_that_nobody_knows_are_taken_to_be_stored_differently() -> None:
    assert rewrites_table("geometry(POINT,4326)", "geography(POINT,4326)")


def test_what_extensions_cast_is_not_known() -> None:
    assert conversion("hstore", "jsonb") == Conversion()
    assert not conversion("uuid", "date").possible
