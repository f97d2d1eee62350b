"""Who is in the way, with other sessions that really are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.roles import client_role, ordinary_role
from tests.support.sessions import holding
from tests.support.waiting import wait_until_blocked
from zero_downtime.postgres.blockers import (
    PREPARED_TRANSACTION,
    BlockerPolicy,
    Session,
    describe,
    end,
    sessions_holding_locks,
)
from zero_downtime.postgres.lock_modes import Lock


def execute(connection: BaseDatabaseWrapper, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def pids(connection: BaseDatabaseWrapper, *tables: str) -> list[int]:
    return [each.pid for each in sessions_holding_locks(connection, tables)]


def test_the_longest_transaction_comes_first(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id integer)")
    with holding(database_url, "TABLE t") as old, holding(database_url, "TABLE t") as young:
        expected = [old.info.backend_pid, young.info.backend_pid]
        assert pids(connection, "t") == expected


def test_another_table_and_another_schema_are_not_in_the_way(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE SCHEMA other; CREATE TABLE other.t (); CREATE TABLE t ()")
    with holding(database_url, "TABLE other.t") as holder:
        assert pids(connection, "t") == []
        assert pids(connection, '"other"."t"') == [holder.info.backend_pid]
        assert pids(connection) == [holder.info.backend_pid]


def test_reading_the_catalog_is_not_in_the_way(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    with holding(database_url, "SELECT count(*) FROM pg_class"):
        assert pids(connection) == []


def test_we_are_not_in_our_own_way(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    pg.execute("CREATE TABLE t ()")
    with transaction.atomic():
        execute(connection, "LOCK TABLE t")
        assert pids(connection, "t") == []


def test_who_waits_like_us_is_not_in_the_way(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t ()")
    with (
        ThreadPoolExecutor(1) as background,
        psycopg.connect(database_url) as waiter,
        holding(database_url, "LOCK TABLE t") as holder,
    ):
        request = background.submit(waiter.execute, "TABLE t")
        wait_until_blocked(pg, waiter.info.backend_pid)
        assert pids(connection, "t") == [holder.info.backend_pid]
        holder.rollback()
        request.result()


@pytest.mark.parametrize("table", ["Orders 2024", "100%", "a.b"])
def test_tables_with_unusual_names(
    connection: BaseDatabaseWrapper,
    database_url: str,
    pg: psycopg.Connection,
    table: str,
) -> None:
    pg.execute(f'CREATE TABLE "{table}" ()'.encode())
    with holding(database_url, f'TABLE "{table}"') as holder:
        assert pids(connection, table) == [holder.info.backend_pid]


def test_what_our_role_may_not_see_is_left_out(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t ()")
    with holding(database_url, "TABLE t") as holder:
        with ordinary_role(connection, pg):
            (session,) = sessions_holding_locks(connection, ["t"])
        pid, user = holder.info.backend_pid, holder.info.user
    assert session == Session(pid, user, "holder", None, None, None, is_superuser=True)
    assert str(session) == f"pid {pid} ({user}, holder, unknown state)"


def test_what_has_changed_is_seen_inside_a_transaction(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t ()")
    with transaction.atomic():
        assert pids(connection, "t") == []
        with holding(database_url, "TABLE t") as holder:
            assert pids(connection, "t") == [holder.info.backend_pid]


def test_only_locks_that_conflict_are_in_the_way(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (id integer)")
    with (
        holding(database_url, "SELECT FROM t"),
        holding(database_url, "INSERT INTO t VALUES (1)") as writer,
    ):
        conflicting = sessions_holding_locks(connection, ["t"], Lock.SHARE.conflicting)
        assert [session.pid for session in conflicting] == [writer.info.backend_pid]


def test_a_process_of_the_server_is_called_by_its_kind() -> None:
    query = "autovacuum: VACUUM public.t (to prevent wraparound)"
    worker = Session(7, None, "", "active", 60.0, query, kind="autovacuum worker")
    shown = f"pid 7 (autovacuum worker, active, in a transaction for 60 s): {query}"
    assert describe([worker]) == f"In the way: {shown}."


def test_an_ordinary_role_sees_no_more_of_it_than_that_it_works_for_nobody() -> None:
    worker = Session(7, None, "", None, None, None)
    assert str(worker) == "pid 7 (a process of the server, unknown state)"
    assert worker.is_autovacuum


def test_a_prepared_transaction_has_no_session() -> None:
    nobody = Session(PREPARED_TRANSACTION, None, None, None, None, None)
    assert describe([nobody]) == "In the way: a prepared transaction (see pg_prepared_xacts)."


def session(**differences: Any) -> Session:
    """Return one of a client, which anything may be done to."""
    usual = Session(
        1, "shop", "web", "active", 100.0, "SELECT 1", kind="client backend", may_be_ended=True
    )
    return replace(usual, **differences)


@pytest.mark.parametrize("how", ["cancel", "terminate"])
def test_only_transactions_beyond_the_age_are_concerned(how: str) -> None:
    policy = BlockerPolicy(how, age=60)
    assert policy.concerns(session(seconds_in_transaction=60.1))
    assert not policy.concerns(session(seconds_in_transaction=60.0))
    assert not policy.concerns(session(seconds_in_transaction=None))


def test_nobody_is_concerned_by_default() -> None:
    assert not BlockerPolicy.configured().concerns(session(seconds_in_transaction=1e9))


@pytest.mark.parametrize("how", ["cancel", "terminate"])
@pytest.mark.parametrize(
    ("differences", "objection"),
    [
        ({}, None),
        ({"is_superuser": True}, "superuser"),
        ({"kind": "autovacuum worker"}, "process of the server"),
        ({"kind": None}, "process of the server"),
        ({"may_be_ended": False}, "pg_signal_backend"),
    ],
)
def test_some_sessions_are_never_ended(
    how: str, differences: dict[str, Any], objection: str | None
) -> None:
    said = BlockerPolicy(how).objection(session(**differences))
    assert said is None if objection is None else objection in str(said)


def test_what_idles_runs_nothing_that_could_be_cancelled() -> None:
    idle = session(state="idle in transaction")
    assert "--on-blocker terminate" in str(BlockerPolicy("cancel").objection(idle))
    assert BlockerPolicy("terminate").objection(idle) is None


@pytest.mark.parametrize(
    ("rights", "allowed"),
    [
        ("pg_read_all_stats", False),
        ("pg_read_all_stats, pg_signal_backend", True),
    ],
)
def test_rights_to_end_sessions_are_known_before_it_is_tried(
    connection: BaseDatabaseWrapper,
    database_url: str,
    pg: psycopg.Connection,
    rights: str,
    allowed: bool,
) -> None:
    pg.execute("CREATE TABLE t ()")
    with (
        client_role(database_url, pg) as url,
        holding(url, "SELECT FROM t") as holder,
        ordinary_role(connection, pg) as role,
    ):
        pg.execute(f"GRANT {rights} TO {role}".encode())
        (session,) = sessions_holding_locks(connection, ["t"])
        assert (BlockerPolicy("terminate").objection(session) is None) is allowed
        if allowed:
            assert end(connection, session, "terminate")
            with pytest.raises(psycopg.OperationalError):
                holder.execute("SELECT FROM t")


def test_another_transaction_of_the_session_is_not_ended(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t ()")
    with holding(database_url, "SELECT FROM t") as holder:
        (seen,) = sessions_holding_locks(connection, ["t"])
        holder.rollback()
        holder.execute("SELECT FROM t")
        assert not end(connection, seen, "terminate")
        holder.execute("SELECT FROM t")
