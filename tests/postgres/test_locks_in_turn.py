"""Several tables are locked in one transaction, and the client wins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.support.django_database import backend_pid
from tests.support.sessions import holding
from tests.support.waiting import wait_until_blocked
from zero_downtime.postgres import errors
from zero_downtime.postgres.locks import briefly, lock_in_turn

TABLES = "CREATE TABLE one (); CREATE TABLE two ()"


def lock_both(connection: BaseDatabaseWrapper) -> None:
    with connection.schema_editor(atomic=False) as editor:
        briefly(editor, "one", lambda: lock_in_turn(editor, ["one", "two"]), ["two"])


def lock_timeout(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'")
        return int(cursor.fetchone()[0])


def test_of_two_that_wait_for_each_other_the_client_goes_on(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, database_url: str
) -> None:
    pg.execute(TABLES)
    pid = backend_pid(connection)
    with (
        ThreadPoolExecutor() as pool,
        holding(database_url, "SELECT FROM two") as client,
    ):

        def come_across() -> None:
            """Want the first table while our session has it, and waits for the second."""
            wait_until_blocked(pg, pid)
            client.execute("SELECT FROM one")
            client.commit()

        done = pool.submit(come_across)
        with override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 30}):  # longer than deadlock_timeout
            lock_both(connection)
        done.result()


def test_all_waits_together_take_half_of_the_timeout(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, database_url: str
) -> None:
    pg.execute(TABLES)
    with (
        holding(database_url, "SELECT FROM two"),
        override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.2}),
        connection.schema_editor(atomic=False) as editor,
        transaction.atomic(),
    ):
        lock_in_turn(editor, ["one"])
        assert 0 < lock_timeout(connection) <= 100
        with pytest.raises(OperationalError) as refused, transaction.atomic():
            lock_in_turn(editor, ["two"])
        assert errors.is_lock_failure(refused.value)
