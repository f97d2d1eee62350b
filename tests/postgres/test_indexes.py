"""Indexes built and dropped while others work on the table, whatever happens in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from tests.support.django_database import backend_pid
from tests.support.sessions import holding
from tests.support.waiting import wait_until_blocked
from zero_downtime.errors import Refused
from zero_downtime.postgres import errors
from zero_downtime.postgres.indexes import build_concurrently, drop_concurrently
from zero_downtime.postgres.shapes import IndexShape

# A short lock timeout must not end what waits without making anybody else wait.
SHORT_LOCK_TIMEOUT = override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.001})
GIVES_UP_AT_ONCE = override_settings(
    ZERO_DOWNTIME={"CONCURRENT_LOCK_TIMEOUT": 0.02, "LOCK_DEADLINE": 0}
)
OLD_SNAPSHOT = ("BEGIN ISOLATION LEVEL REPEATABLE READ", "TABLE elsewhere")


@pytest.fixture(autouse=True)
def tables(pg: psycopg.Connection) -> None:
    pg.execute(
        "CREATE TABLE t (n integer, s text);"
        "INSERT INTO t SELECT n, n FROM generate_series(1, 10) AS n;"
        "CREATE TABLE elsewhere ()"
    )


def build(
    connection: BaseDatabaseWrapper,
    name: str = "t_idx",
    body: str = "btree (n)",
    *,
    table: str = "t",
    unique: bool = False,
) -> None:
    with connection.schema_editor(atomic=False) as editor:
        build_concurrently(editor, table, name, IndexShape(unique, body))


def drop(connection: BaseDatabaseWrapper, name: str = "t_idx", table: str = "t") -> None:
    with connection.schema_editor(atomic=False) as editor:
        drop_concurrently(editor, table, name)


def indexes(pg: psycopg.Connection) -> dict[str, bool]:
    """Return whether it is valid, for every index by name."""
    return dict(
        pg.execute(
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index "
            "JOIN pg_class ON pg_class.oid = indrelid "
            "WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace)"
        ).fetchall()
    )


def oid_of(pg: psycopg.Connection, index: str = "t_idx") -> int:
    row = pg.execute("SELECT %s::regclass::oid", [index]).fetchone()
    assert row is not None
    return int(row[0])


def leave_invalid_index(pg: psycopg.Connection) -> None:
    """Leave `t_idx` as a build does that fails: here, for two rows with the same key."""
    pg.execute("INSERT INTO t (n) VALUES (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        pg.execute("CREATE UNIQUE INDEX CONCURRENTLY t_idx ON t (n)")
    assert indexes(pg) == {"t_idx": False}


def test_an_index_is_built(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    build(connection, body="btree (n DESC, lower(s)) WHERE (n > 3)")
    assert indexes(pg) == {"t_idx": True}
    (definition,) = pg.execute("SELECT pg_get_indexdef('t_idx'::regclass)").fetchone() or ()
    assert definition.endswith(" ON public.t USING btree (n DESC, lower(s)) WHERE (n > 3)")


@SHORT_LOCK_TIMEOUT
def test_clients_write_while_the_build_waits_for_one_of_them(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    our_pid = backend_pid(connection)
    with (
        ThreadPoolExecutor(1) as background,
        holding(database_url, "INSERT INTO t VALUES (11)") as writer,
    ):

        def clients() -> None:
            try:
                assert wait_until_blocked(pg, our_pid) == [writer.info.backend_pid]
                pg.execute("SET lock_timeout = '1s'")
                pg.execute("INSERT INTO t VALUES (12)")
            finally:
                writer.commit()

        watched = background.submit(clients)
        build(connection)
        watched.result()
    assert indexes(pg) == {"t_idx": True}


@SHORT_LOCK_TIMEOUT
def test_a_forgotten_transaction_is_waited_for(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    our_pid = backend_pid(connection)
    with ThreadPoolExecutor(1) as background, holding(database_url, *OLD_SNAPSHOT) as forgotten:

        def end_it() -> None:
            try:
                assert wait_until_blocked(pg, our_pid) == [forgotten.info.backend_pid]
            finally:
                forgotten.rollback()

        watched = background.submit(end_it)
        build(connection)
        watched.result()
    assert indexes(pg) == {"t_idx": True}


@GIVES_UP_AT_ONCE
def test_a_lock_timeout_leaves_no_invalid_index(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    with holding(database_url, *OLD_SNAPSHOT), pytest.raises(Refused, match='Could not lock "t"'):
        build(connection)
    assert indexes(pg) == {}


@GIVES_UP_AT_ONCE
def test_an_invalid_index_that_cannot_be_dropped_yet_is_replaced_the_next_time(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    with holding(database_url, "INSERT INTO t VALUES (11)"):
        with pytest.raises(Refused, match="Run the same command again"):
            build(connection)
        assert indexes(pg) == {"t_idx": False}
    build(connection)
    assert indexes(pg) == {"t_idx": True}


def test_a_cancelled_build_leaves_no_invalid_index(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    our_pid = backend_pid(connection)
    with ThreadPoolExecutor(1) as background, holding(database_url, *OLD_SNAPSHOT):

        def cancel() -> None:
            wait_until_blocked(pg, our_pid)
            pg.execute("SELECT pg_cancel_backend(%s)", [our_pid])

        watched = background.submit(cancel)
        with pytest.raises(OperationalError):
            build(connection)
        watched.result()
    assert indexes(pg) == {}


def test_a_lost_connection_leaves_an_invalid_index_that_the_next_run_replaces(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    our_pid = backend_pid(connection)
    with ThreadPoolExecutor(1) as background, holding(database_url, *OLD_SNAPSHOT):

        def terminate() -> None:
            wait_until_blocked(pg, our_pid)
            pg.execute("SELECT pg_terminate_backend(%s, 10000)", [our_pid])

        watched = background.submit(terminate)
        with pytest.raises(OperationalError) as caught:
            build(connection)
        watched.result()
    assert errors.sqlstate(caught.value) == "57P01"
    assert indexes(pg) == {"t_idx": False}
    connection.close()

    build(connection)

    assert indexes(pg) == {"t_idx": True}


def test_invalid_remains_are_replaced(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    leave_invalid_index(pg)
    remains = oid_of(pg)
    build(connection)
    assert indexes(pg) == {"t_idx": True}
    assert oid_of(pg) != remains


def test_a_valid_index_is_left_alone(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    build(connection, body="btree (n, lower(s)) WHERE (s IS NOT NULL)")
    built = oid_of(pg)
    build(connection, body="btree (n, lower(s)) WHERE (s IS NOT NULL)")
    assert oid_of(pg) == built


@pytest.mark.parametrize(
    ("unique", "body"),
    [
        (False, "btree (s)"),
        (False, "btree (n DESC)"),
        (False, "btree (n) INCLUDE (s)"),
        (False, "btree (n) WHERE (n > 3)"),
        (False, "btree (n) WITH (fillfactor='50')"),
        (False, "hash (n)"),
        (True, "btree (n)"),
    ],
)
def test_an_index_of_that_name_with_another_definition_is_refused(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, unique: bool, body: str
) -> None:
    build(connection, body=body, unique=unique)
    other = oid_of(pg)
    with pytest.raises(Refused, match='Table "t" has an index "t_idx" with another definition'):
        build(connection)
    assert oid_of(pg) == other


def test_an_index_of_that_name_on_another_table_is_refused(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE other (n integer); CREATE INDEX t_idx ON other (n)")
    for act in (build, drop):
        with pytest.raises(Refused, match='"t_idx" exists, but is no index of table "t"'):
            act(connection)
    assert indexes(pg) == {"t_idx": True}


def test_a_table_of_that_name_is_refused(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t_idx ()")
    for act in (build, drop):
        with pytest.raises(Refused, match="is no index of table"):
            act(connection)
    pg.execute("TABLE t_idx")


def test_an_index_of_that_name_in_another_schema_is_none_of_our_business(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE SCHEMA a; CREATE TABLE a.t (n integer); CREATE INDEX t_idx ON a.t (n)")
    with connection.cursor() as cursor:
        cursor.execute("SET search_path = public, a")

    build(connection)
    assert indexes(pg) == {"t_idx": True, "a.t_idx": True}

    drop(connection)
    drop(connection)
    assert indexes(pg) == {"a.t_idx": True}


def test_a_table_in_a_schema_off_the_search_path(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE SCHEMA a; CREATE TABLE a.t (n integer)")
    build(connection, table='"a"."t"')
    assert indexes(pg) == {"a.t_idx": True}
    build(connection)
    drop(connection, table='"a"."t"')
    assert indexes(pg) == {"t_idx": True}


@pytest.mark.parametrize("name", ["Mixed Case", "100%", "%s", "a.b", "ünï", "select"])
def test_unusual_names(connection: BaseDatabaseWrapper, pg: psycopg.Connection, name: str) -> None:
    pg.execute(f'CREATE TABLE "{name}" ("{name}" integer)'.encode())
    for _ in range(2):
        build(connection, f"{name} idx", f'btree ("{name}")', table=name)
        assert indexes(pg) == {f'"{name} idx"': True}
    for _ in range(2):
        drop(connection, f"{name} idx", name)
        assert indexes(pg) == {}


def test_two_rows_of_the_same_key(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    pg.execute("INSERT INTO t VALUES (7)")
    with pytest.raises(IntegrityError, match=r"t_idx(.|\n)*Key \(n\)=\(7\) is duplicated"):
        build(connection, unique=True)
    assert indexes(pg) == {}


def test_a_row_for_which_the_expression_fails(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("INSERT INTO t VALUES (0)")
    with pytest.raises(DatabaseError, match="division by zero"):
        build(connection, body="btree ((1 / n))")
    assert indexes(pg) == {}


@GIVES_UP_AT_ONCE
def test_who_is_building_it_now_is_left_to_finish(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    with (
        ThreadPoolExecutor(1) as background,
        psycopg.connect(database_url, autocommit=True) as builder,
        holding(database_url, "INSERT INTO t VALUES (11)"),
    ):
        builder_pid = builder.info.backend_pid
        building = background.submit(builder.execute, "CREATE INDEX CONCURRENTLY t_idx ON t (n)")
        wait_until_blocked(pg, builder_pid)
        theirs = oid_of(pg)
        with pytest.raises(Refused, match=rf"being built by another session \(pid {builder_pid}\)"):
            build(connection)
    building.result()
    assert indexes(pg) == {"t_idx": True}
    assert oid_of(pg) == theirs


@SHORT_LOCK_TIMEOUT
def test_clients_read_and_write_while_the_drop_waits_for_one_of_them(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    build(connection)
    our_pid = backend_pid(connection)
    with ThreadPoolExecutor(1) as background, holding(database_url, "TABLE t") as reader:

        def clients() -> None:
            try:
                assert wait_until_blocked(pg, our_pid) == [reader.info.backend_pid]
                pg.execute("SET lock_timeout = '1s'")
                pg.execute("TABLE t")
                pg.execute("INSERT INTO t VALUES (12)")
            finally:
                reader.rollback()

        watched = background.submit(clients)
        drop(connection)
        watched.result()
    assert indexes(pg) == {}


@GIVES_UP_AT_ONCE
def test_a_drop_that_was_interrupted_is_finished_the_next_time(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    build(connection)
    with holding(database_url, "TABLE t"), pytest.raises(Refused, match='Could not lock "t"'):
        drop(connection)
    drop(connection)
    assert indexes(pg) == {}


def test_sqlmigrate_shows_the_statements(connection: BaseDatabaseWrapper) -> None:
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        build_concurrently(editor, "t", "t_idx", IndexShape(True, "btree (n)"))
        drop_concurrently(editor, "t", "t_idx")
    assert editor.collected_sql == [
        'CREATE UNIQUE INDEX CONCURRENTLY "t_idx" ON "t" USING btree (n);',
        'DROP INDEX CONCURRENTLY "t_idx";',
    ]


@pytest.fixture
def measurements(pg: psycopg.Connection) -> None:
    """A table of three partitions; the second one has a key twice."""
    pg.execute("CREATE TABLE measurement (n integer, s text) PARTITION BY RANGE (n)")
    for start in (0, 10, 20):
        pg.execute(
            f"CREATE TABLE part_{start} PARTITION OF measurement "
            f"FOR VALUES FROM ({start}) TO ({start + 10});"
            f"INSERT INTO measurement VALUES ({start}, 'x')".encode()
        )
    pg.execute("INSERT INTO measurement VALUES (10, 'once more')")


@pytest.mark.usefixtures("measurements")
def test_a_partitioned_table_gets_an_index_on_every_partition(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    build(connection, table="measurement")
    assert list(indexes(pg).values()) == [True] * 4
    children = "SELECT count(*) FROM pg_inherits WHERE inhparent = 't_idx'::regclass"
    assert pg.execute(children).fetchone() == (3,)

    with CaptureQueriesContext(connection) as again:
        build(connection, table="measurement")
    assert not any("INDEX" in query["sql"].split()[:3] for query in again.captured_queries)

    drop(connection, table="measurement")
    assert indexes(pg) == {}


@pytest.mark.usefixtures("measurements")
def test_a_partitioned_table_that_failed_halfway_is_finished_the_next_time(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    with pytest.raises(IntegrityError, match=r"Key \(n\)=\(10\) is duplicated"):
        build(connection, table="measurement", unique=True)
    assert sorted(indexes(pg).values()) == [False, True]  # the parent's, and that of part_0
    pg.execute("DELETE FROM measurement WHERE s = 'once more'")

    build(connection, table="measurement", unique=True)

    assert list(indexes(pg).values()) == [True] * 4
