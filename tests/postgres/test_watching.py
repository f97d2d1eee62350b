"""While a session waits, another one looks for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import override_settings

from tests.support.reports import reports
from tests.support.roles import client_role
from tests.support.sessions import holding, running
from tests.support.waiting import wait_for
from zero_downtime.postgres.blockers import BlockerPolicy, Session, sessions_holding_locks
from zero_downtime.postgres.locks import lock_timeout
from zero_downtime.postgres.watching import Watcher, watcher_of, watching
from zero_downtime.signals import blocker_ended

IMPATIENT = override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.1})
ALTER = "ALTER TABLE t ADD COLUMN c integer"
AT_ONCE = {
    "cancel": BlockerPolicy("cancel", age=0),
    "terminate": BlockerPolicy("terminate", age=0),
}


@pytest.fixture(autouse=True)
def table(pg: psycopg.Connection) -> None:
    pg.execute("CREATE TABLE t (n integer)")


def execute(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def ended() -> Iterator[list[tuple[str, Session]]]:
    """Collect what is done to sessions."""
    seen: list[tuple[str, Session]] = []

    def note(how: str, session: Session, **signal: Any) -> None:
        seen.append((how, session))

    blocker_ended.connect(note)
    try:
        yield seen
    finally:
        blocker_ended.disconnect(note)


@IMPATIENT
def test_who_is_waited_for_is_reported_while_it_lasts(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    with (
        holding(database_url, "SELECT n FROM t", application_name="forgotten") as holder,
        reports(then=holder.rollback) as messages,
        watching(connection) as watcher,
    ):
        execute(connection, ALTER)
        pid, user = holder.info.backend_pid, holder.info.user
    (message,) = messages
    assert message.startswith("Waiting for a lock, 0.")
    assert f"pid {pid} ({user}, forgotten, idle in transaction, in a tr" in message
    assert message.endswith("): SELECT n FROM t.")
    assert [session.pid for session in watcher.seen] == [pid]


@override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.1, "LOG_QUERIES": False})
def test_the_query_is_kept_secret_if_asked_to(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    with (
        holding(database_url, "SELECT n AS secret FROM t") as holder,
        reports(then=holder.rollback) as messages,
        watching(connection) as watcher,
    ):
        execute(connection, ALTER)
        assert f"pid {holder.info.backend_pid}" in messages[0]
    assert "secret" not in messages[0]
    assert watcher.seen[0].query is None


@IMPATIENT
def test_a_long_query_is_reported_with_what_it_runs(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    query = "SELECT n FROM t UNION ALL SELECT 1 FROM pg_sleep(600)"
    with (
        running(database_url, query) as report,
        reports(then=report.cancel) as messages,
        watching(connection),
    ):
        execute(connection, ALTER)
    assert f"active, in a transaction for 0 s): {query}" in messages[0]


@IMPATIENT
def test_a_snapshot_that_a_concurrent_index_waits_for_is_reported(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE elsewhere ()")
    snapshot = (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SELECT count(*) FROM elsewhere",
    )
    with (
        holding(database_url, *snapshot) as holder,
        reports(then=holder.rollback) as messages,
        watching(connection),
    ):
        execute(connection, "CREATE INDEX CONCURRENTLY i ON t (n)")
        assert f"pid {holder.info.backend_pid}" in messages[0]
    assert "SELECT count(*) FROM elsewhere" in messages[0]


@IMPATIENT
def test_the_same_session_is_reported_once_however_often_it_is_in_the_way(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    def give_up() -> None:
        with pytest.raises(OperationalError):
            execute(connection, ALTER)
        watchful = wait_for(lambda: watcher.seen, "the watcher to have looked")
        assert first.info.backend_pid in [session.pid for session in watchful]

    with (
        reports() as messages,
        watching(connection) as watcher,
        lock_timeout(connection, 1),
        holding(database_url, "TABLE t") as first,
    ):
        give_up()
        watcher.seen = ()
        give_up()
        assert len(messages) == 1
        with holding(database_url, "TABLE t") as second:
            give_up()
            assert len(messages) == 2
            assert f"pid {second.info.backend_pid}" in messages[1]


@IMPATIENT
def test_a_session_that_replaces_a_lost_one_is_watched(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    with (
        holding(database_url, "TABLE t") as holder,
        reports(then=holder.rollback) as messages,
        watching(connection),
    ):
        execute(connection, "SELECT 1")
        connection.close()
        execute(connection, ALTER)
        assert f"pid {holder.info.backend_pid}" in messages[0]


@IMPATIENT
def test_where_nobody_waits_nothing_is_opened(connection: BaseDatabaseWrapper) -> None:
    opened: list[object] = []

    def note(connection: BaseDatabaseWrapper, **signal: object) -> None:
        opened.append(connection)

    connection.ensure_connection()
    connection_created.connect(note)
    try:
        with watching(connection):
            busy_until = time.monotonic() + 0.2
            while time.monotonic() < busy_until:
                execute(connection, "SELECT 1")
            threading.Event().wait(0.2)
    finally:
        connection_created.disconnect(note)
    assert opened == []


@IMPATIENT
def test_without_a_second_connection_it_goes_on_unwatched(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    connection.ensure_connection()
    connection.settings_dict["NAME"] = "there_is_none"
    with (
        holding(database_url, "TABLE t"),
        reports() as messages,
        watching(connection),
        lock_timeout(connection, 0.5),
        pytest.raises(OperationalError),
    ):
        execute(connection, ALTER)
    (message,) = messages
    assert message.startswith("Sessions in the way cannot be watched: ")
    assert "there_is_none" in message


@IMPATIENT
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_left_behind(
    connection: BaseDatabaseWrapper,
    database_url: str,
    pg: psycopg.Connection,
    error: type[BaseException],
) -> None:
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    connection.ensure_connection()
    before = pg.execute(sessions).fetchone()

    def wait_and_fail() -> None:
        with holding(database_url, "TABLE t") as holder, reports(then=holder.rollback):
            execute(connection, ALTER)
        assert pg.execute(sessions).fetchone() != before
        assert watcher_of(connection) is watcher
        raise error

    with pytest.raises(error), watching(connection) as watcher:
        wait_and_fail()
    wait_for(lambda: pg.execute(sessions).fetchone() == before, "the watcher's session to end")
    assert watcher_of(connection) is None
    assert "zero_downtime watcher" not in [thread.name for thread in threading.enumerate()]


@IMPATIENT
def test_a_forgotten_transaction_is_terminated(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    with (
        client_role(database_url, pg) as url,
        holding(url, "TABLE t") as holder,
        ended() as sessions,
        reports() as messages,
        watching(connection, AT_ONCE["terminate"]),
    ):
        execute(connection, ALTER)
        pid = holder.info.backend_pid
        with pytest.raises(psycopg.OperationalError):
            holder.execute("TABLE t")
    ((how, session),) = sessions
    assert (how, session.pid) == ("terminate", pid)
    assert messages[-1].startswith(f"Terminated what was in the way: pid {session.pid} (")


@IMPATIENT
def test_a_long_query_is_cancelled_and_its_session_lives(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    query = "SELECT n FROM t UNION ALL SELECT 1 FROM pg_sleep(600)"
    with (
        client_role(database_url, pg) as url,
        running(url, query) as report,
        ended() as sessions,
        watching(connection, AT_ONCE["cancel"]),
    ):
        execute(connection, ALTER)
        while report.pgconn.get_result() is not None:
            pass
        report.execute("SELECT 1")
    assert [how for how, _ in sessions] == ["cancel"]


@contextmanager
def left_alone(
    connection: BaseDatabaseWrapper, url: str, policy: BlockerPolicy
) -> Iterator[list[str]]:
    """Let `policy` be applied to a session of `url` that is in the way, which has to survive it."""
    watcher = Watcher(connection, policy)
    with holding(url, "TABLE t") as holder, ended() as sessions, reports() as messages:
        watcher.deal_with(connection, sessions_holding_locks(connection, ["t"]))
        watcher.deal_with(connection, sessions_holding_locks(connection, ["t"]))
        yield messages
        holder.execute("TABLE t")
    assert sessions == []


def test_a_superuser_is_left_alone(connection: BaseDatabaseWrapper, database_url: str) -> None:
    with left_alone(connection, database_url, AT_ONCE["terminate"]) as messages:
        (message,) = messages
    assert message.startswith("Did not terminate, because it is a superuser's: pid ")


def test_a_young_transaction_is_left_alone(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    with (
        client_role(database_url, pg) as url,
        left_alone(connection, url, BlockerPolicy("terminate", age=600)) as messages,
    ):
        assert messages == []


def test_an_old_transaction_is_left_alone_by_default(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    with (
        client_role(database_url, pg) as url,
        left_alone(connection, url, BlockerPolicy(age=0)) as messages,
    ):
        assert messages == []


def test_what_idles_cannot_be_cancelled(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    with (
        client_role(database_url, pg) as url,
        left_alone(connection, url, AT_ONCE["cancel"]) as messages,
    ):
        (message,) = messages
    assert "it runs nothing that could be cancelled" in message


@pytest.mark.parametrize("opened", ["before", "meanwhile"])
def test_sessions_of_this_very_process_are_left_alone(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection, opened: str
) -> None:
    with client_role(database_url, pg) as url:
        parameters = psycopg.conninfo.conninfo_to_dict(url)
        watched: BaseDatabaseWrapper = connection.copy()
        connection.close()
        connection.settings_dict.update(USER=parameters["user"], PASSWORD=parameters["password"])
        if opened == "before":
            connection.ensure_connection()
        with watching(watched, AT_ONCE["terminate"]) as watcher, reports() as messages:
            connection.set_autocommit(False)
            execute(connection, "TABLE t")
            watcher.deal_with(watched, sessions_holding_locks(watched, ["t"]))
        watched.close()
        (message,) = messages
        assert "because it belongs to this very process" in message
        execute(connection, "TABLE t")
        connection.close()
