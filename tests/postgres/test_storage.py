from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres import storage

NAME = "100% of t"


@pytest.fixture
def table(pg: psycopg.Connection) -> str:
    pg.execute(
        """
        CREATE TABLE "100% of t" (id integer, "ke%y" text);
        INSERT INTO "100% of t" SELECT n, md5(n::text) FROM generate_series(1, 1000) AS n;
        ANALYZE "100% of t";
        """
    )
    return NAME


def test_a_file_has_pages_and_rows_on_them(connection: BaseDatabaseWrapper, table: str) -> None:
    pages = storage.pages(connection, table)
    assert pages > 5
    assert storage.rows_per_page(connection, table) == pytest.approx(1000 / pages)


def test_of_a_table_that_was_never_analyzed_nothing_is_known(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t AS SELECT 1 AS id")
    assert storage.rows_per_page(connection, "t") == 0
    assert not storage.are_scattered(connection, "t", "id")


@pytest.mark.parametrize(
    ("statement", "moves"),
    [('VACUUM "100% of t"', False), ('VACUUM FULL "100% of t"', True)],
)
def test_the_file_changes_when_all_rows_are_moved(
    connection: BaseDatabaseWrapper,
    pg: psycopg.Connection,
    table: str,
    statement: str,
    moves: bool,
) -> None:
    before = storage.file_number(connection, table)
    pg.execute(statement.encode())
    assert (storage.file_number(connection, table) != before) == moves


def test_rows_are_scattered_when_keys_are_in_no_order(
    connection: BaseDatabaseWrapper, table: str
) -> None:
    assert storage.are_scattered(connection, table, "ke%y")
    assert not storage.are_scattered(connection, table, "id")
