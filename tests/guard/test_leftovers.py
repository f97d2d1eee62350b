from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.sessions import holding, waiting
from zero_downtime.guard.leftovers import (
    IndexStatement,
    clear_up,
    detached_partition,
    index_statement,
    indexed_without_name,
)


@pytest.mark.parametrize(
    ("sql", "name", "table"),
    [
        ("CREATE INDEX CONCURRENTLY one ON pair (n)", "one", "pair"),
        ("create unique\n index  concurrently one on pair(n)", "one", "pair"),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS one ON pair (n)", "one", "pair"),
        ("CREATE INDEX CONCURRENTLY if\tnot  exists one ON pair (n)", "one", "pair"),
        ("CREATE INDEX CONCURRENTLY /* it is */ one -- named\n ON pair (n)", "one", "pair"),
        ('CREATE INDEX CONCURRENTLY "One two" ON "Pair" (n)', '"One two"', '"Pair"'),
        ('CREATE INDEX CONCURRENTLY "on" ON pair (n)', '"on"', "pair"),
        ('CREATE INDEX CONCURRENTLY one ON ONLY sales."Pair" (n)', "one", 'sales."Pair"'),
        ("CREATE INDEX CONCURRENTLY one ON sales.pair USING gin (n)", "one", "sales.pair"),
        ("DROP INDEX CONCURRENTLY one;", "one", ""),
        ("drop index concurrently if exists sales.one", "sales.one", ""),
    ],
)
def test_an_index_that_is_named(sql: str, name: str, table: str) -> None:
    assert index_statement(sql) == IndexStatement(name, table)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX CONCURRENTLY ON pair (n)",
        "CREATE INDEX one ON pair (n)",
        "REINDEX INDEX CONCURRENTLY one",
        "VACUUM pair",
    ],
)
def test_all_else(sql: str) -> None:
    assert index_statement(sql) is None


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("ALTER TABLE sales DETACH PARTITION old CONCURRENTLY;", ("sales", "old")),
        (
            'alter table if exists only s."Sales" detach partition s.old concurrently',
            ('s."Sales"', "s.old"),
        ),
        ("ALTER TABLE sales DETACH PARTITION old", None),
        ("ALTER TABLE sales DETACH PARTITION old FINALIZE", None),
        ("ALTER TABLE", None),
        ("CREATE INDEX CONCURRENTLY one ON sales (n)", None),
    ],
)
def test_a_partition_that_is_detached(sql: str, found: tuple[str, str] | None) -> None:
    assert detached_partition(sql) == found


@pytest.mark.parametrize(
    ("sql", "relation"),
    [
        ("REINDEX TABLE CONCURRENTLY pair", "pair"),
        ("reindex (verbose, concurrently) index sales.one;", "sales.one"),
        ('REINDEX (VERBOSE) INDEX CONCURRENTLY "One"', '"One"'),
        ("CREATE INDEX CONCURRENTLY ON pair (n)", "pair"),
        ("create unique index concurrently on only sales.pair using btree (n)", "sales.pair"),
        ("CREATE INDEX CONCURRENTLY one ON pair (n)", None),
        ("REINDEX SCHEMA CONCURRENTLY sales", None),
        ("REINDEX TABLE", None),
        ("DROP INDEX CONCURRENTLY one", None),
        ("VACUUM pair", None),
        ("CREATE DATABASE sales", None),
    ],
)
def test_what_gets_indexes_without_a_name_of_ours(sql: str, relation: str | None) -> None:
    assert indexed_without_name(sql) == relation


def invalid(pg: psycopg.Connection) -> set[str]:
    found = pg.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    return {name for (name,) in found.fetchall()}


def test_one_that_others_are_building_is_not_dropped(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, database_url: str
) -> None:
    """It is invalid, too, until it is done; and it was not there when ours began."""
    pg.execute("CREATE TABLE pair (n int)")
    build = "CREATE INDEX CONCURRENTLY theirs ON pair (n)"
    with (
        holding(database_url, "LOCK TABLE pair IN ROW EXCLUSIVE MODE") as holder,
        waiting(pg, database_url, build) as builder,
    ):
        assert invalid(pg) == {"theirs"}

        def let_them_end(run, sql, params, many, context):  # type: ignore[no-untyped-def]
            if sql.startswith("LOCK TABLE"):
                holder.rollback()
            return run(sql, params, many, context)

        with connection.execute_wrapper(let_them_end):
            assert not clear_up(connection, "REINDEX TABLE CONCURRENTLY pair")
        while builder.pgconn.get_result() is not None:
            pass
    assert invalid(pg) == set()
    assert pg.execute("SELECT FROM pg_indexes WHERE indexname = 'theirs'").rowcount == 1


@pytest.mark.parametrize("table", ["pair", "sales.pair"])
def test_an_index_of_that_name_on_another_table_is_another_one(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, table: str
) -> None:
    """Every tenant has one, in a schema of its own."""
    pg.execute("CREATE TABLE pair (n int); CREATE SCHEMA sales CREATE TABLE pair (n int)")
    pg.execute(
        "CREATE INDEX one ON pair (n)" if "." in table else "CREATE INDEX one ON sales.pair (n)"
    )
    create = f"CREATE UNIQUE INDEX CONCURRENTLY one ON {table} (n)"
    assert not clear_up(connection, create)

    pg.execute(f"INSERT INTO {table} VALUES (1), (1)".encode())
    with pytest.raises(psycopg.errors.UniqueViolation):
        pg.execute(create.encode())
    assert not clear_up(connection, create)

    pg.execute(f"TRUNCATE {table}".encode())
    pg.execute(create.encode())
    assert clear_up(connection, create)
    assert pg.execute(
        "SELECT count(*) FROM pg_index WHERE indrelid::regclass::text ~ 'pair'"
    ).fetchone() == (2,)
