from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.support.sessions import holding
from zero_downtime.postgres.vacuum import is_due, may_vacuum, vacuum


@pytest.mark.parametrize(
    ("rows_done", "just_done", "rows_of_table", "due"),
    [
        (90, 10, 500, False),
        (100, 10, 500, True),
        (105, 10, 500, True),
        (110, 10, 500, False),
        (450, 400, 500, True),
        # A twentieth of a large table.
        (100, 10, 5000, False),
        (250, 10, 5000, True),
    ],
)
@override_settings(ZERO_DOWNTIME={"VACUUM_ROWS": 100})
def test_it_is_due_whenever_a_round_is_complete(
    rows_done: int, just_done: int, rows_of_table: int, due: bool
) -> None:
    assert is_due(rows_done, just_done, rows_of_table) == due


@override_settings(ZERO_DOWNTIME={"VACUUM_ROWS": 0})
def test_zero_is_never() -> None:
    assert not is_due(10_000_000, 10_000_000, 1)


@pytest.fixture
def table(pg: psycopg.Connection) -> str:
    pg.execute('CREATE TABLE "odd % Name" (id int)')
    pg.execute('INSERT INTO "odd % Name" VALUES (1)')
    return "odd % Name"


def times_vacuumed(pg: psycopg.Connection) -> int:
    row = pg.execute("""SELECT pg_stat_get_vacuum_count('"odd % Name"'::regclass)""").fetchone()
    assert row is not None
    return int(row[0])


def test_the_owner_vacuums(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, table: str
) -> None:
    assert may_vacuum(connection, table)
    vacuum(connection, table)
    assert times_vacuumed(pg) == 1


def test_nobody_is_waited_for(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, database_url: str, table: str
) -> None:
    with holding(database_url, 'LOCK TABLE "odd % Name" IN SHARE UPDATE EXCLUSIVE MODE'):
        vacuum(connection, table)
    assert times_vacuumed(pg) == 0


def test_who_may_not_does_not_try(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, table: str
) -> None:
    pg.execute("DROP ROLE IF EXISTS zd_visitor; CREATE ROLE zd_visitor")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE zd_visitor")
        assert not may_vacuum(connection, table)
        vacuum(connection, table)
    finally:
        connection.close()
        pg.execute("DROP ROLE zd_visitor")
    assert times_vacuumed(pg) == 0
