from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.sessions import holding, waiting
from zero_downtime.backfills import registry
from zero_downtime.backfills.throttles.lock_waiters import LockWaiters

WORKER = f"{registry.WORKERS}1"
UPDATE_T = "UPDATE t SET id = id"
UPDATE_OTHER = "UPDATE other SET id = id"


@pytest.fixture(autouse=True)
def tables(pg: psycopg.Connection) -> None:
    """The tables `t` and `other`, with a row each."""
    pg.execute("CREATE TABLE t (id int); CREATE TABLE other (id int)")
    pg.execute("INSERT INTO t VALUES (1); INSERT INTO other VALUES (1)")


def check(connection: BaseDatabaseWrapper, table: str = "t", most: int = 0) -> str | None:
    return LockWaiters(most).check(connection, table)


def test_nobody_waits(connection: BaseDatabaseWrapper, database_url: str) -> None:
    with holding(database_url, UPDATE_T, application_name=WORKER):
        assert check(connection) is None


@pytest.mark.parametrize(
    ("holder", "waiter"),
    [
        (UPDATE_T, UPDATE_T),
        (UPDATE_T, "ALTER TABLE t ADD COLUMN more int"),
        ("LOCK TABLE t", "SELECT FROM t"),
    ],
)
def test_who_waits_for_the_table_or_a_row_counts(
    connection: BaseDatabaseWrapper,
    pg: psycopg.Connection,
    database_url: str,
    holder: str,
    waiter: str,
) -> None:
    with holding(database_url, holder):
        with waiting(pg, database_url, waiter):
            assert check(connection) == "lock waiters 1 > 0"
            assert check(connection, most=1) is None
        assert check(connection) is None


def test_who_waits_for_another_table_counts_only_behind_a_worker(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, database_url: str
) -> None:
    with holding(database_url, UPDATE_OTHER), waiting(pg, database_url, UPDATE_OTHER):
        assert check(connection) is None
    with (
        holding(database_url, UPDATE_OTHER, application_name=WORKER),
        waiting(pg, database_url, UPDATE_OTHER),
    ):
        assert check(connection) == "lock waiters 1 > 0"


def test_workers_that_wait_do_not_count(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, database_url: str
) -> None:
    with (
        holding(database_url, UPDATE_T, application_name=WORKER),
        waiting(pg, database_url, UPDATE_T, application_name=f"{registry.WORKERS}2"),
    ):
        assert check(connection) is None


def test_everybody_in_the_queue_counts(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, database_url: str
) -> None:
    with (
        holding(database_url, UPDATE_T),
        waiting(pg, database_url, UPDATE_T),
        waiting(pg, database_url, UPDATE_T),
        waiting(pg, database_url, "ALTER TABLE t ADD COLUMN more int"),
    ):
        assert check(connection) == "lock waiters 3 > 0"


def test_partitions_belong_to_their_table(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, database_url: str
) -> None:
    pg.execute(
        'CREATE TABLE "odd % Name" (id int) PARTITION BY LIST (id); '
        'CREATE TABLE part PARTITION OF "odd % Name" DEFAULT'
    )
    with holding(database_url, "LOCK TABLE part"), waiting(pg, database_url, "SELECT FROM part"):
        assert check(connection, "odd % Name") == "lock waiters 1 > 0"
        assert check(connection, "t") is None
