"""By which order a table is walked: on a server that keeps next to nothing in memory."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from devtools.embedded_postgres import EmbeddedPostgres
from tests.backfills.copying import NAME, Copy
from tests.backfills.witnessed import WitnessedTable
from tests.support.databases import temporary_database
from tests.support.django_database import create_own_tables, django_connected_to
from zero_downtime.backfills import registry
from zero_downtime.backfills.physical import file_to_walk
from zero_downtime.backfills.runner import Runner
from zero_downtime.models import Backfill, Transition

ROWS = 2_000


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """The URL of a server that keeps 16 pages in memory: each of the tables here exceeds that."""
    config = {"shared_buffers": "128kB", "fsync": "off"}
    with EmbeddedPostgres(config=config) as server:
        with psycopg.connect(server.url) as connection:
            if connection.info.server_version < 140000:
                pytest.skip("PostgreSQL cannot read a range of places before version 14")
        yield server.url


@pytest.fixture
def database_url(server_url: str) -> Iterator[str]:
    with temporary_database(server_url) as url:
        yield url


@pytest.fixture
def connection(
    database_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[BaseDatabaseWrapper]:
    with django_db_blocker.unblock(), django_connected_to(database_url) as connection:
        create_own_tables(connection)
        yield connection


@pytest.fixture
def scattered(table: WitnessedTable) -> WitnessedTable:
    """The table `t` with rows in no order of their keys."""
    insert(table, order="md5(n::text)")
    return table


def insert(table: WitnessedTable, order: str) -> None:
    table.pg.execute(
        f"INSERT INTO t SELECT n, 'value ' || n FROM generate_series(1, {ROWS}) AS n "
        f"ORDER BY {order}".encode()
    )
    table.pg.execute("ANALYZE t")


def register(connection: BaseDatabaseWrapper) -> Backfill:
    """Register a backfill of a transition, whose triggers take care of rows that are written."""
    transition = Transition.objects.create(table="t", old_column="old", new_column="new")
    return registry.register(connection, NAME, "t", transition)


def test_a_large_table_in_no_order_of_its_keys_is_walked_by_place(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    backfill = register(connection)
    assert backfill.file == file_to_walk(connection, "t") is not None
    finished = Runner(connection, backfill, Copy()).run()
    assert (finished.status, finished.rows_done) == ("succeeded", ROWS)
    assert finished.last_key is not None
    assert finished.last_key.startswith("(")
    assert scattered.changed == list(range(1, ROWS + 1))


def test_what_stays_in_memory_is_walked_by_key(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    scattered.pg.execute("DELETE FROM t WHERE id > 100")
    scattered.pg.execute("VACUUM (FULL, ANALYZE) t")
    assert register(connection).file is None


def test_rows_in_the_order_of_their_keys_are_walked_by_key(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    insert(table, order="n")
    assert register(connection).file is None


def test_without_statistics_rows_are_walked_by_key(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    scattered.pg.execute("CREATE TABLE u (LIKE t INCLUDING ALL) WITH (autovacuum_enabled = off)")
    scattered.pg.execute("INSERT INTO u SELECT * FROM t ORDER BY md5(id::text)")
    assert file_to_walk(connection, "u") is None


def test_rows_that_nobody_else_takes_care_of_are_walked_by_key(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    """Without a trigger, a row that changes its place while it is updated could be missed."""
    assert registry.register(connection, NAME, "t").file is None


@pytest.mark.parametrize(
    "many_files",
    [
        "CREATE TABLE more () INHERITS (t)",
        """
        ALTER TABLE t RENAME TO part;
        CREATE TABLE t (LIKE part INCLUDING ALL) PARTITION BY RANGE (id);
        ALTER TABLE t ATTACH PARTITION part DEFAULT;
        ANALYZE t;
        """,
    ],
    ids=["inherited", "partitioned"],
)
def test_a_table_of_several_files_is_walked_by_key(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable, many_files: str
) -> None:
    scattered.pg.execute(many_files.encode())
    assert register(connection).file is None
