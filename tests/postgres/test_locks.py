"""Lock timeouts, retries, and who is in the way, with other sessions that really are."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from psycopg.pq import TransactionStatus

from tests.support.django_database import backend_pid
from tests.support.reports import reports
from tests.support.sessions import holding, waiting
from tests.support.waiting import wait_until_blocked
from zero_downtime.errors import Refused
from zero_downtime.postgres import errors, locks
from zero_downtime.postgres.blockers import Session
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.locks import (
    briefly,
    lock_timeout,
    patiently,
    retry_lock_failures,
    somebody_waits_for_us,
    wait_for_writers,
)
from zero_downtime.postgres.watching import watching
from zero_downtime.signals import lock_retried

ONE_TRY = override_settings(ZERO_DOWNTIME={"LOCK_DEADLINE": 0, "LOCK_TIMEOUT": 0.01})
MANY_TRIES = override_settings(ZERO_DOWNTIME={"LOCK_DEADLINE": 60, "LOCK_TIMEOUT": 0.01})


def execute(connection: BaseDatabaseWrapper, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def setting(connection: BaseDatabaseWrapper, name: str = "lock_timeout") -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


@pytest.fixture
def session(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """A session whose own lock timeout is 7 seconds."""
    execute(connection, "SET lock_timeout = '7s'")
    return connection


def test_lock_timeout_lasts_as_long_as_the_block(session: BaseDatabaseWrapper) -> None:
    with lock_timeout(session, 0.25):
        assert setting(session) == "250ms"
    assert setting(session) == "7s"


def test_lock_timeouts_can_be_nested(session: BaseDatabaseWrapper) -> None:
    with lock_timeout(session, 1):
        with lock_timeout(session, 3600):
            assert setting(session) == "1h"
        assert setting(session) == "1s"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.0001, "1ms"), (10**9, "2147483647ms"), (1.0004, "1s")]
)
def test_lock_timeout_is_always_one_that_the_server_accepts(
    session: BaseDatabaseWrapper, seconds: float, shown: str
) -> None:
    with lock_timeout(session, seconds):
        assert setting(session) == shown


def test_lock_timeout_does_not_leak_after_an_error_of_the_database(
    session: BaseDatabaseWrapper,
) -> None:
    with pytest.raises(DatabaseError), lock_timeout(session, 0.25):
        execute(session, "SELECT 1 / 0")
    assert setting(session) == "7s"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_lock_timeout_does_not_leak_after_an_error_of_ours(
    session: BaseDatabaseWrapper, error: type[BaseException]
) -> None:
    with pytest.raises(error), lock_timeout(session, 0.25):
        raise error
    assert setting(session) == "7s"


def test_lock_timeout_ends_within_the_transaction(session: BaseDatabaseWrapper) -> None:
    with transaction.atomic():
        with lock_timeout(session, 0.25):
            assert setting(session) == "250ms"
        assert setting(session) == "7s"
    assert setting(session) == "7s"


def test_lock_timeout_goes_with_the_transaction_that_fails(session: BaseDatabaseWrapper) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), lock_timeout(session, 0.25):
        execute(session, "SELECT 1 / 0")
    assert setting(session) == "7s"


def test_lock_timeout_goes_with_the_savepoint_that_fails(session: BaseDatabaseWrapper) -> None:
    with transaction.atomic():
        with pytest.raises(DatabaseError), transaction.atomic(), lock_timeout(session, 0.25):
            execute(session, "SELECT 1 / 0")
        assert setting(session) == "7s"


def test_lock_timeout_is_there_in_a_session_that_replaces_a_lost_one(
    session: BaseDatabaseWrapper,
) -> None:
    with lock_timeout(session, 0.25):
        session.close()
        assert setting(session) == "250ms"
    session.close()
    assert setting(session) == "0"


def test_lock_timeout_does_not_hide_a_lost_connection(
    session: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    def lose_the_connection() -> None:
        pg.execute("SELECT pg_terminate_backend(%s, 10000)", [backend_pid(session)])
        execute(session, "SELECT 1")

    with pytest.raises(OperationalError) as caught, lock_timeout(session, 0.25):
        lose_the_connection()
    assert errors.sqlstate(caught.value) == "57P01"


@MANY_TRIES
def test_a_locked_table_is_tried_again_until_it_is_free(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t ()")
    tries = 0
    with holding(database_url, "LOCK TABLE t") as holder:

        def attempt() -> str:
            nonlocal tries
            tries += 1
            if tries == 3:
                holder.rollback()
            with transaction.atomic(), lock_timeout(connection, 0.01):
                execute(connection, "LOCK TABLE t")
            return "got it"

        assert retry_lock_failures(connection, attempt, {"t": None}) == "got it"
    assert tries == 3


def test_a_real_deadlock_is_tried_again(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE a (); CREATE TABLE b ()")
    our_pid = backend_pid(connection)
    failures: list[str | None] = []

    def attempt() -> None:
        try:
            with transaction.atomic():
                execute(connection, "LOCK TABLE a")
                execute(connection, "LOCK TABLE b")
        except OperationalError as error:
            failures.append(errors.sqlstate(error))
            raise

    with holding(database_url, "LOCK TABLE b") as other, ThreadPoolExecutor(1) as background:

        def close_the_circle() -> None:
            # We wait first, so it is our wait that PostgreSQL ends when a second is over.
            assert wait_until_blocked(pg, our_pid) == [other.info.backend_pid]
            other.execute("LOCK TABLE a")
            other.commit()

        circle = background.submit(close_the_circle)
        retry_lock_failures(connection, attempt)
        circle.result()
    assert failures == ["40P01"]


@pytest.mark.parametrize(
    "sql", ["SELECT 1 / 0", "SET statement_timeout = 1; SELECT pg_sleep(9)", "TABLE missing"]
)
def test_no_other_error_is_tried_again(connection: BaseDatabaseWrapper, sql: str) -> None:
    tries = 0

    def attempt() -> None:
        nonlocal tries
        tries += 1
        execute(connection, sql)

    with pytest.raises(DatabaseError):
        retry_lock_failures(connection, attempt)
    assert tries == 1


@override_settings(ZERO_DOWNTIME={"LOCK_RETRY_MAX_DELAY": 5})
def test_pauses_double_up_to_the_longest_allowed() -> None:
    delays = list(islice(locks._growing_delays(), 12))
    for number, delay in enumerate(delays):
        longest = min(5, locks.FIRST_DELAY * 2**number * 1.25)
        assert longest * 0.6 <= delay <= longest
    assert delays[-1] >= 3.75


@MANY_TRIES
def test_each_failed_try_is_logged_with_the_session_in_the_way(
    connection: BaseDatabaseWrapper,
    database_url: str,
    pg: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pg.execute("CREATE TABLE t ()")
    with (
        holding(database_url, "LOCK TABLE t", application_name="nightly report") as holder,
        reports(then=holder.rollback),
        connection.schema_editor(atomic=False) as editor,
    ):
        pid = holder.info.backend_pid
        briefly(editor, "t", lambda: editor.execute("LOCK TABLE t"))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert '"t" is locked by others (try 1)' in record.getMessage()
    assert f"pid {pid}" in record.getMessage()
    assert "nightly report" in record.getMessage()


def refusal(connection: BaseDatabaseWrapper, table: str = "t") -> str:
    with (
        connection.schema_editor(atomic=False) as editor,
        pytest.raises(Refused) as refused,
    ):
        briefly(editor, table, lambda: editor.execute(f"ALTER TABLE {table} ADD c integer"))
    return str(refused.value)


@ONE_TRY
def test_giving_up_names_who_is_in_the_way(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id integer)")
    with holding(database_url, "SELECT id FROM t", application_name="report") as holder:
        message = refusal(connection)
        who = f"pid {holder.info.backend_pid} ({holder.info.user}, report, "
    assert message.startswith('Could not lock "t" in 1 tries')
    assert who in message
    assert "idle in transaction, in a transaction for 0 s): SELECT id FROM t" in message
    assert "Run the same command again" in message


@override_settings(ZERO_DOWNTIME={"LOCK_DEADLINE": 0, "LOCK_TIMEOUT": 0.01, "LOG_QUERIES": False})
def test_giving_up_keeps_queries_to_itself_if_asked_to(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id integer)")
    with holding(database_url, "SELECT id AS secret FROM t") as holder:
        message = refusal(connection)
        assert f"pid {holder.info.backend_pid}" in message
    assert "secret" not in message


@ONE_TRY
def test_giving_up_leaves_no_lock_and_no_setting_behind(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id integer)")
    with holding(database_url, "SELECT id FROM t"):
        refusal(connection)
        held = "SELECT count(*) FROM pg_locks WHERE pid = %s AND relation = 't'::regclass"
        assert pg.execute(held, [backend_pid(connection)]).fetchone() == (0,)
    assert setting(connection) == "0"


@override_settings(
    ZERO_DOWNTIME={"LOCK_DEADLINE": 0.5, "LOCK_TIMEOUT": 0.01, "LOCK_RETRY_MAX_DELAY": 0.01}
)
def test_giving_up_comes_after_many_tries(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id integer)")
    tries = 0

    def attempt() -> None:
        nonlocal tries
        tries += 1
        with transaction.atomic(), lock_timeout(connection, 0.01):
            execute(connection, "LOCK TABLE t")

    with holding(database_url, "LOCK TABLE t"), pytest.raises(Refused) as refused:
        retry_lock_failures(connection, attempt, {"t": None})
    assert tries > 1
    assert f"in {tries} tries" in str(refused.value)


@override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 1, "LOCK_DEADLINE": 0})
def test_giving_up_names_exactly_those_that_were_waited_for(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (n integer)")
    with (
        holding(database_url, "INSERT INTO t VALUES (1)") as writer,
        holding(database_url, "TABLE t") as reader,
        connection.schema_editor(atomic=False) as editor,
        watching(connection),
    ):
        with pytest.raises(Refused) as refused:
            briefly(editor, "t", lambda: editor.execute("CREATE INDEX ON t (n)"), wanted=Lock.SHARE)
        assert f"pid {writer.info.backend_pid}" in str(refused.value)
        assert f"pid {reader.info.backend_pid}" not in str(refused.value)
    assert "or with --on-blocker terminate." in str(refused.value)


@ONE_TRY
def test_who_was_waited_for_before_is_not_in_the_way_now(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id integer)")
    with (
        holding(database_url, "TABLE t") as holder,
        connection.schema_editor(atomic=False) as editor,
        watching(connection) as watcher,
    ):
        watcher.seen = [Session(1, "gone", None, None, None, None)]
        with pytest.raises(Refused) as refused:
            briefly(editor, "t", lambda: editor.execute("LOCK TABLE t"), wanted=None)
        assert f"In the way: pid {holder.info.backend_pid} (" in str(refused.value)
    assert "gone" not in str(refused.value)


@override_settings(
    ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.01, "LOCK_DEADLINE": 0.5, "LOCK_RETRY_MAX_DELAY": 0.2}
)
def test_each_failed_try_is_signalled_with_what_it_has_cost(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id integer)")
    sent: list[dict[str, Any]] = []

    def note(**signal: Any) -> None:
        sent.append(signal)

    lock_retried.connect(note)
    try:
        with holding(database_url, "TABLE t") as holder:
            started = time.monotonic()
            refusal(connection)
            elapsed = time.monotonic() - started
            pid = holder.info.backend_pid
    finally:
        lock_retried.disconnect(note)
    assert [signal["tries"] for signal in sent] == list(range(1, len(sent) + 1))
    assert len(sent) > 1
    for signal in sent:
        assert (signal["alias"], signal["table"]) == (connection.alias, "t")
        assert [session.pid for session in signal["blockers"]] == [pid]
    assert elapsed * 0.8 < sum(signal["waited"] for signal in sent) < elapsed


@override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 1, "LOCK_RETRY_MAX_DELAY": 0.2})
def test_a_client_passes_while_we_still_wait_for_a_long_transaction(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id integer)")
    our_pid = backend_pid(connection)
    with (
        holding(database_url, "SELECT * FROM t") as long_transaction,
        psycopg.connect(database_url, autocommit=True) as client,
        ThreadPoolExecutor(2) as background,
        connection.schema_editor(atomic=False) as editor,
    ):

        def clients() -> None:
            try:
                in_our_way = wait_until_blocked(pg, our_pid)
                assert in_our_way == [long_transaction.info.backend_pid]
                request = background.submit(client.execute, "SELECT * FROM t")
                assert wait_until_blocked(pg, client.info.backend_pid) == [our_pid]
                # Only our giving up lets it pass: the long transaction is still there.
                assert request.result().fetchall() == []
                status = long_transaction.info.transaction_status
                assert status == TransactionStatus.INTRANS
                columns = "SELECT count(*) FROM information_schema.columns"
                where = "WHERE table_name = 't'"
                assert pg.execute(f"{columns} {where}".encode()).fetchone() == (1,)
            finally:
                long_transaction.rollback()

        watched = background.submit(clients)
        briefly(editor, "t", lambda: editor.execute("ALTER TABLE t ADD COLUMN c integer"))
        watched.result()
    pg.execute("SELECT c FROM t")


def test_briefly_is_all_or_nothing(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    with connection.schema_editor(atomic=False) as editor:

        def action() -> None:
            editor.execute("CREATE TABLE t ()")
            editor.execute("SELECT 1 / 0")

        with pytest.raises(DatabaseError):
            briefly(editor, "t", action)
    assert pg.execute("SELECT to_regclass('t')::text").fetchone() == (None,)


@override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.123})
def test_briefly_is_under_the_lock_timeout(connection: BaseDatabaseWrapper) -> None:
    with connection.schema_editor(atomic=False) as editor:
        assert briefly(editor, "t", lambda: setting(connection)) == "123ms"
    assert setting(connection) == "0"


def test_sqlmigrate_only_collects_statements(connection: BaseDatabaseWrapper) -> None:
    with (
        CaptureQueriesContext(connection) as executed,
        connection.schema_editor(collect_sql=True, atomic=False) as editor,
    ):
        briefly(editor, "t", lambda: editor.execute("ALTER TABLE missing ADD c integer"))
        patiently(editor, "t", "DROP INDEX CONCURRENTLY missing")
    assert executed.captured_queries == []
    assert editor.collected_sql == [
        "ALTER TABLE missing ADD c integer;",
        "DROP INDEX CONCURRENTLY missing;",
    ]


def test_whoever_has_written_is_waited_for(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id int)")
    with (
        holding(database_url, "INSERT INTO t VALUES (1)") as writer,
        holding(database_url, "SELECT FROM t"),
        reports(then=writer.rollback) as messages,
    ):
        wait_for_writers(connection, "t")
    (message,) = messages
    assert message.startswith("Waiting for transactions that have written t. In the way: pid")


def test_whoever_begins_later_is_not_waited_for(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id int)")
    with ExitStack() as sessions:
        early = sessions.enter_context(holding(database_url, "INSERT INTO t VALUES (1)"))

        def hand_over() -> None:
            sessions.enter_context(holding(database_url, "INSERT INTO t VALUES (2)"))
            early.rollback()

        with reports(then=hand_over):
            wait_for_writers(connection, "t")


@override_settings(ZERO_DOWNTIME={"LOCK_DEADLINE": 0})
def test_a_writer_that_does_not_end_is_named(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id int) PARTITION BY RANGE (id)")
    pg.execute("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)")
    with (
        holding(database_url, "LOCK TABLE t1"),
        pytest.raises(Refused, match=r'has written "t" does not end'),
    ):
        wait_for_writers(connection, "t")


@pytest.mark.parametrize(("name", "noticed"), [("client", True), ("backfill", False)])
def test_who_waits_for_a_row_of_ours_is_noticed_unless_it_is_one_of_us(
    connection: BaseDatabaseWrapper,
    database_url: str,
    pg: psycopg.Connection,
    name: str,
    noticed: bool,
) -> None:
    pg.execute("CREATE TABLE t (id int)")
    pg.execute("INSERT INTO t VALUES (1), (2)")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL application_name = 'backfill'")
        cursor.execute("UPDATE t SET id = 3 WHERE id = 1")
        with waiting(pg, database_url, "UPDATE t SET id = 4 WHERE id = 1", name):
            assert somebody_waits_for_us(connection) == noticed


def test_where_nobody_waits_nobody_is_noticed(connection: BaseDatabaseWrapper) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        assert not somebody_waits_for_us(connection)
        cursor.execute("CREATE TABLE t (id int)")
        assert not somebody_waits_for_us(connection)
