from __future__ import annotations

import psycopg
import pytest
from django.db import ProgrammingError
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres import catalog
from zero_downtime.postgres.catalog import Column


def set_search_path(connection: BaseDatabaseWrapper, path: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path = {path}")


def test_a_table_is_found_along_the_search_path(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute('CREATE SCHEMA a; CREATE TABLE a.t (); CREATE TABLE "100% Mixed" ()')
    assert not catalog.table_exists(connection, "t")
    assert catalog.table_exists(connection, '"a"."t"')
    assert catalog.table_exists(connection, "100% Mixed")
    assert not catalog.table_exists(connection, "100% mixed")
    set_search_path(connection, "a, public")
    assert catalog.table_exists(connection, "t")


def test_whether_there_are_tables_besides_some(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    assert not catalog.has_tables(connection, besides=[])
    pg.execute("CREATE TABLE ours ()")
    assert catalog.has_tables(connection, besides=[])
    assert not catalog.has_tables(connection, besides=["ours", "not there"])
    pg.execute("CREATE SCHEMA a; CREATE MATERIALIZED VIEW a.m AS SELECT 1 AS n")
    assert catalog.has_tables(connection, besides=["ours"])


def test_the_schema_of_a_table_or_of_one_to_come(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute('CREATE SCHEMA "A b"; CREATE TABLE "A b".t (); CREATE TABLE u ()')
    assert catalog.schema_of(connection, '"A b"."t"') == "A b"
    assert catalog.schema_of(connection, "u") == "public"
    set_search_path(connection, '"A b", public')
    assert catalog.schema_of(connection, "t") == "A b"
    assert catalog.schema_of(connection, "u") == "public"
    assert catalog.schema_of(connection, "to_come") == "A b"


def test_whether_there_are_rows_and_how_many(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute('CREATE TABLE "100%" (n integer)')
    assert not catalog.has_rows(connection, "100%")
    assert catalog.has_fewer_rows(connection, "100%", 1)
    assert not catalog.has_fewer_rows(connection, "100%", 0)

    pg.execute('INSERT INTO "100%" SELECT generate_series(1, 3)')

    assert catalog.has_rows(connection, "100%")
    assert catalog.has_fewer_rows(connection, "100%", 4)
    assert not catalog.has_fewer_rows(connection, "100%", 3)


def test_rows_are_estimated_with_and_without_analyze(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (n integer) WITH (autovacuum_enabled = false)")
    pg.execute("INSERT INTO t SELECT generate_series(1, 5000)")
    assert 1000 < catalog.estimated_rows(connection, "t") < 20_000
    pg.execute("ANALYZE t")
    assert catalog.estimated_rows(connection, "t") == 5000


def test_rows_of_partitions_are_estimated_too(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute(
        "CREATE TABLE t (n integer) PARTITION BY RANGE (n);"
        "CREATE TABLE a PARTITION OF t FOR VALUES FROM (0) TO (100);"
        "CREATE TABLE b PARTITION OF t FOR VALUES FROM (100) TO (1000);"
        "INSERT INTO t SELECT generate_series(0, 999); ANALYZE t"
    )
    assert catalog.estimated_rows(connection, "t") == 1000
    assert catalog.has_rows(connection, "t")


@pytest.mark.parametrize("ask", [catalog.has_rows, catalog.estimated_rows])
def test_rows_of_a_missing_table_are_an_error(connection: BaseDatabaseWrapper, ask: object) -> None:
    assert callable(ask)
    with pytest.raises(ProgrammingError):
        ask(connection, "missing")


@pytest.mark.parametrize(
    ("definition", "column"),
    [
        ("varchar(20)", Column("c", "character varying(20)", None, False, False, False)),
        (
            "numeric(10, 2) NOT NULL",
            Column("c", "numeric(10,2)", None, True, False, False, exact=False),
        ),
        (
            "timestamptz[]",
            Column("c", "timestamp with time zone[]", None, False, False, False, exact=False),
        ),
        ('text COLLATE "C"', Column("c", "text", 'pg_catalog."C"', False, False, False)),
        ("uuid PRIMARY KEY", Column("c", "uuid", None, True, False, True)),
        (
            "integer GENERATED ALWAYS AS (1 + 1) STORED",
            Column("c", "integer", None, False, True, False),
        ),
        ('"Some Mood"', Column("c", '"Some Mood"', None, False, False, False)),
        ('hidden."D"', Column("c", 'hidden."D"', None, False, False, False, exact=False)),
    ],
)
def test_a_column_as_it_has_to_stand_in_ddl(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, definition: str, column: Column
) -> None:
    pg.execute("CREATE TYPE \"Some Mood\" AS ENUM ('fine')")
    pg.execute('CREATE SCHEMA hidden; CREATE DOMAIN hidden."D" AS integer')
    pg.execute(f"CREATE TABLE t (c {definition})".encode())
    assert catalog.get_column(connection, "t", "c") == column


@pytest.mark.parametrize(
    ("type_", "is_exact"),
    [
        ("varchar(20)", True),
        ('text COLLATE "C"', True),
        ("timestamptz", True),
        ("mood", True),
        ("citext", False),
        ("loud", False),
        ("jsonb", False),
        ("json", False),
        ("double precision", False),
    ],
)
def test_whether_equal_values_are_the_same(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, type_: str, is_exact: bool
) -> None:
    pg.execute("CREATE EXTENSION citext; CREATE DOMAIN loud AS citext")
    pg.execute("CREATE TYPE mood AS ENUM ('fine')")
    pg.execute(f"CREATE TABLE t (c {type_})".encode())
    column = catalog.get_column(connection, "t", "c")
    assert column is not None
    assert column.exact is is_exact


def test_a_column_that_is_not_there(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (dropped integer); ALTER TABLE t DROP COLUMN dropped")
    for name in ("missing", "dropped", "........pg.dropped.1........", "ctid"):
        assert catalog.get_column(connection, "t", name) is None
    assert catalog.get_column(connection, "missing", "c") is None


@pytest.mark.parametrize(
    ("definition", "key"),
    [
        ("a integer, b integer", []),
        ("a integer UNIQUE, b integer", []),
        ("a integer, b integer PRIMARY KEY", ["b"]),
        ("a integer, b integer, PRIMARY KEY (b, a)", ["b", "a"]),
        ("a integer, b integer, PRIMARY KEY (a) INCLUDE (b)", ["a"]),
    ],
)
def test_the_primary_key(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, definition: str, key: list[str]
) -> None:
    pg.execute(f'CREATE TABLE "T %" ({definition})'.encode())
    assert [column.name for column in catalog.primary_key(connection, "T %")] == key


def test_the_primary_key_of_a_missing_table(connection: BaseDatabaseWrapper) -> None:
    assert catalog.primary_key(connection, "missing") == []
