from __future__ import annotations

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.django_database import backend_pid
from tests.support.waiting import wait_for
from zero_downtime.postgres import errors


def error_of(connection: BaseDatabaseWrapper, sql: str) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught, connection.cursor() as cursor:
        cursor.execute(sql)
    return caught.value


def test_sqlstate_of_djangos_error_and_of_psycopgs(connection: BaseDatabaseWrapper) -> None:
    wrapped = error_of(connection, "SELECT 1 / 0")
    assert errors.sqlstate(wrapped) == "22012"
    assert wrapped.__cause__ is not None
    assert errors.sqlstate(wrapped.__cause__) == "22012"
    assert errors.sqlstate(ValueError("no database error")) is None


def test_a_lock_timeout_is_a_lock_failure(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t ()")
    with pg.transaction():
        pg.execute("LOCK TABLE t")
        error = error_of(connection, "BEGIN; SET LOCAL lock_timeout = '1ms'; TABLE t")
    assert errors.sqlstate(error) == "55P03"
    assert errors.is_lock_failure(error)
    assert not errors.is_lost_connection(error)


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1 / 0", "SELECT no_such_column", "SET statement_timeout = 1; SELECT pg_sleep(9)"],
)
def test_other_errors_are_neither(connection: BaseDatabaseWrapper, sql: str) -> None:
    error = error_of(connection, sql)
    assert not errors.is_lock_failure(error)
    assert not errors.is_lost_connection(error)


def test_a_terminated_backend_is_a_lost_connection(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("SELECT pg_terminate_backend(%s, 10000)", [backend_pid(connection)])
    assert errors.is_lost_connection(error_of(connection, "SELECT 1"))
    # The second error comes from psycopg, which knows by now.
    assert errors.is_lost_connection(error_of(connection, "SELECT 1"))


def test_a_session_that_was_idle_for_too_long_is_a_lost_connection(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pid = backend_pid(connection)
    with connection.cursor() as cursor:
        cursor.execute("SET idle_session_timeout = '1ms'")
    is_there = "SELECT FROM pg_stat_activity WHERE pid = %s"
    wait_for(lambda: pg.execute(is_there, [pid]).rowcount == 0, "the server to end the session")

    error = error_of(connection, "SELECT 1")

    assert errors.sqlstate(error) == "57P05"
    assert errors.is_lost_connection(error)


def test_a_server_that_is_not_there_is_a_lost_connection(
    connection: BaseDatabaseWrapper,
) -> None:
    connection.settings_dict.update(HOST="/nonexistent", PORT="")
    assert errors.is_lost_connection(error_of(connection, "SELECT 1"))


def test_what_is_no_operational_error_is_no_lost_connection() -> None:
    assert not errors.is_lost_connection(ConnectionError())
    assert not errors.is_lost_connection(IntegrityError())
    assert errors.is_lost_connection(OperationalError("the server closed the connection"))


def test_an_error_that_says_nothing_is_named() -> None:
    assert errors.message(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert errors.message(ValueError("too large ")) == "too large"
