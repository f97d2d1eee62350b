from __future__ import annotations

import psycopg
import pytest
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.django_database import backend_pid
from zero_downtime.postgres.sessions import (
    application_name,
    count_by_application,
    local_limits,
)


def name_of(pg: psycopg.Connection, pid: int) -> str:
    named = "SELECT application_name FROM pg_stat_activity WHERE pid = %s"
    (name,) = pg.execute(named, [pid]).fetchone() or ("",)
    return str(name)


def test_a_session_is_known_by_a_name_for_a_while(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pid = backend_pid(connection)
    with connection.cursor() as cursor:
        cursor.execute("SET application_name = 'before'")
    with application_name(connection, "worker"):
        assert name_of(pg, pid) == "worker"
    assert name_of(pg, pid) == "before"


def test_the_name_goes_after_an_error_too(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pid = backend_pid(connection)
    with pytest.raises(ValueError, match="oops"), application_name(connection, "worker"):
        raise ValueError("oops")
    assert name_of(pg, pid) == ""


def test_an_error_of_the_database_is_not_hidden(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    def lose_the_connection() -> None:
        pg.execute("SELECT pg_terminate_backend(%s, 10000)", [backend_pid(connection)])
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    with (
        pytest.raises(DatabaseError, match="terminating connection"),
        application_name(connection, "worker"),
    ):
        lose_the_connection()


def test_sessions_are_counted_in_this_database_only(
    connection: BaseDatabaseWrapper, database_url: str, server_url: str
) -> None:
    assert count_by_application(connection, "worker") == 0
    with (
        psycopg.connect(database_url, application_name="worker"),
        psycopg.connect(database_url, application_name="another"),
        psycopg.connect(server_url, application_name="worker"),
        application_name(connection, "worker"),
    ):
        assert count_by_application(connection, "worker") == 2


def statement_timeout(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("before", "within", "after"), [("0", "8s", "0"), ("9s", "8s", "9s"), ("7s", "7s", "7s")]
)
def test_limits_end_with_the_block(
    connection: BaseDatabaseWrapper, before: str, within: str, after: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{before}'")
    with transaction.atomic():
        with local_limits(connection, {"statement_timeout": 8}):
            assert statement_timeout(connection) == within
        assert statement_timeout(connection) == after


def test_a_limit_that_is_set_within_the_block_stays(connection: BaseDatabaseWrapper) -> None:
    with transaction.atomic():
        with local_limits(connection, {"statement_timeout": 8}), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '5s'")
        assert statement_timeout(connection) == "5s"
