"""Others hold the locks that an operation needs: it names them, tries again, and succeeds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState
from django.test import override_settings
from psycopg.pq import TransactionStatus

from tests.operations.matrix import CASES, Case
from tests.operations.test_crash_matrix import ROWS, schema
from tests.operations.test_refusals import create_shop
from tests.operations.test_same_schema import forwards
from tests.support.django_database import backend_pid
from tests.support.reports import reports
from tests.support.sessions import holding
from tests.support.waiting import wait_until_blocked

IMPATIENT = override_settings(
    ZERO_DOWNTIME={
        "LOCK_TIMEOUT": 0.05,
        "CONCURRENT_LOCK_TIMEOUT": 0.05,
        "LOCK_RETRY_MAX_DELAY": 0.05,
    }
)

# One of each family, and one of each kind of step.
CONTENDED = [
    "add null_unique_text",
    "add int_default",
    "add db_volatile",
    "add fk_null",
    "alter not null with default",
    "alter unique int",
    "alter fk constraint on",
    "alter wider char",
    "index plain",
    "remove index",
    "constraint check",
    "constraint unique deferred",
    "constraint unique partial",
]
# What needs no lock that a mere reader is in the way of. (To drop an index, PostgreSQL waits for
# readers too, who might be using it.)
READERS_DO_NOT_MATTER = ["alter fk constraint on", "index plain", "constraint unique partial"]
CHANGES_NO_TABLE_THERE_IS = [
    "alter choices only",
    "alter python default only",
    "add many_no_constraint",
]
BUILDS_INDEX = [
    "add null_unique_text",
    "add fk_null",
    "alter unique int",
    "index plain",
    "constraint unique deferred",
    "constraint unique partial",
]


def cases(ids: list[str]) -> pytest.MarkDecorator:
    by_id = {case.id: case for case in CASES}
    return pytest.mark.parametrize("case", [by_id[id] for id in ids], ids=ids)


@pytest.fixture
def state(connection: BaseDatabaseWrapper) -> ProjectState:
    """The state of a shop with some books."""
    state = create_shop(connection)
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
        cursor.execute("CREATE TABLE elsewhere ()")
    return state


def assert_succeeds_in_spite_of(
    connection: BaseDatabaseWrapper,
    database_url: str,
    state: ProjectState,
    case: Case,
    *statements: str,
) -> None:
    """The operation's first report sends away the other session, which it has to name."""
    with holding(database_url, *statements, application_name="night report") as other:
        pid = other.info.backend_pid
        with reports(then=other.rollback) as messages:
            forwards(connection, case.make(False), state)
    assert f"pid {pid} (" in messages[0]
    assert "night report, idle in transaction" in messages[0]
    changed = schema(connection)
    with reports() as messages:
        forwards(connection, case.make(False), state)
    assert schema(connection) == changed
    assert messages == []


@IMPATIENT
@cases([id for id in CONTENDED if id not in READERS_DO_NOT_MATTER])
def test_somebody_reads(
    connection: BaseDatabaseWrapper, database_url: str, state: ProjectState, case: Case
) -> None:
    assert_succeeds_in_spite_of(connection, database_url, state, case, "SELECT FROM shop_book")


@IMPATIENT
@cases(READERS_DO_NOT_MATTER)
def test_somebody_reads_and_is_not_in_the_way(
    connection: BaseDatabaseWrapper, database_url: str, state: ProjectState, case: Case
) -> None:
    with holding(database_url, "SELECT FROM shop_book"), reports() as messages:
        forwards(connection, case.make(False), state)
    assert messages == []


@IMPATIENT
@cases(CONTENDED)
def test_somebody_writes(
    connection: BaseDatabaseWrapper, database_url: str, state: ProjectState, case: Case
) -> None:
    writes = "UPDATE shop_book SET pages = pages + 1"
    assert_succeeds_in_spite_of(connection, database_url, state, case, writes)


@IMPATIENT
@cases(BUILDS_INDEX)
def test_somebody_forgot_an_old_snapshot_of_another_table(
    connection: BaseDatabaseWrapper, database_url: str, state: ProjectState, case: Case
) -> None:
    snapshot = ("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT FROM elsewhere")
    assert_succeeds_in_spite_of(connection, database_url, state, case, *snapshot)


@IMPATIENT
@cases(["add fk_null", "alter fk constraint on", "alter fk constraint off"])
def test_somebody_writes_the_table_that_a_foreign_key_points_at(
    connection: BaseDatabaseWrapper, database_url: str, state: ProjectState, case: Case
) -> None:
    writes = "UPDATE shop_author SET handle = handle"
    assert_succeeds_in_spite_of(connection, database_url, state, case, writes)


@IMPATIENT
@cases(["add many"])
def test_somebody_writes_a_table_that_a_many_to_many_field_points_at(
    connection: BaseDatabaseWrapper, database_url: str, state: ProjectState, case: Case
) -> None:
    writes = "INSERT INTO shop_shelf VALUES (2)"
    assert_succeeds_in_spite_of(connection, database_url, state, case, writes)


@override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.5, "LOCK_RETRY_MAX_DELAY": 0.2})
@cases(["add int_default", "alter not null with default", "constraint check", "remove index"])
def test_clients_pass_while_somebody_holds_the_table(
    connection: BaseDatabaseWrapper,
    database_url: str,
    pg: psycopg.Connection,
    state: ProjectState,
    case: Case,
) -> None:
    """A client's request waits behind ours until ours gives up, not until the other one ends."""
    our_pid = backend_pid(connection)
    with (
        holding(database_url, "SELECT FROM shop_book") as other,
        psycopg.connect(database_url, autocommit=True) as client,
        ThreadPoolExecutor(1) as background,
    ):

        def request() -> None:
            try:
                assert wait_until_blocked(pg, our_pid) == [other.info.backend_pid]
                client.execute("SET statement_timeout = '0.6s'")
                client.execute("SELECT FROM shop_book")
                client.execute("UPDATE shop_book SET pages = pages")
                assert other.info.transaction_status == TransactionStatus.INTRANS
            finally:
                other.rollback()

        watched = background.submit(request)
        forwards(connection, case.make(False), state)
        watched.result()


class IndexBuilds:
    """Counts the statements that wait for old snapshots, which DROP INDEX CONCURRENTLY does not."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self.count += " INDEX CONCURRENTLY " in sql and sql.startswith("CREATE")
        return execute(sql, params, many, context)


@contextmanager
def held_for_three_seconds(database_url: str, *statements: str) -> Iterator[int]:
    """Let another session run the statements, and end its transaction after three seconds."""
    with holding(database_url, *statements) as other:
        timer = threading.Timer(3, other.rollback)
        timer.start()
        yield other.info.backend_pid
        timer.join()


@pytest.mark.slow
@override_settings(ZERO_DOWNTIME={"CONCURRENT_LOCK_TIMEOUT": 1, "LOCK_TIMEOUT": 0.5})
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
@pytest.mark.parametrize("mode", ["ROW EXCLUSIVE", "ACCESS EXCLUSIVE"])
def test_the_tables_are_locked_for_three_seconds(
    connection: BaseDatabaseWrapper,
    database_url: str,
    state: ProjectState,
    mode: str,
    case: Case,
) -> None:
    if connection.pg_version // 10000 < case.minimum_version:  # type: ignore[attr-defined]
        pytest.skip(f"needs PostgreSQL {case.minimum_version}")
    lock = f"LOCK TABLE shop_book, shop_author, shop_shelf, shop_comic IN {mode} MODE"
    with held_for_three_seconds(database_url, lock) as pid, reports() as messages:
        forwards(connection, case.make(False), state)
    if mode == "ACCESS EXCLUSIVE":
        assert bool(messages) == (case.id not in CHANGES_NO_TABLE_THERE_IS)
    if messages:
        assert f"pid {pid} (" in messages[0]


@pytest.mark.slow
@override_settings(ZERO_DOWNTIME={"CONCURRENT_LOCK_TIMEOUT": 1, "LOCK_TIMEOUT": 0.5})
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_old_snapshot_is_held_for_three_seconds(
    connection: BaseDatabaseWrapper, database_url: str, state: ProjectState, case: Case
) -> None:
    if connection.pg_version // 10000 < case.minimum_version:  # type: ignore[attr-defined]
        pytest.skip(f"needs PostgreSQL {case.minimum_version}")
    snapshot = ("BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT FROM elsewhere")
    builds = IndexBuilds()
    with (
        held_for_three_seconds(database_url, *snapshot) as pid,
        reports() as messages,
        connection.execute_wrapper(builds),
    ):
        forwards(connection, case.make(False), state)
    assert bool(messages) == bool(builds.count)
    if messages:
        assert f"pid {pid} (" in messages[0]
