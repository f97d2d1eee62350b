from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.guard.leftovers import (
    IndexStatement,
    clear_up,
    detached_partition,
    index_statement,
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
