"""A worker whose connection, server or process goes away."""

from __future__ import annotations

import os
import signal

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from devtools.embedded_postgres import EmbeddedPostgres
from tests.backfills.copying import (
    NAME,
    SMALL_BATCHES,
    Copy,
    assert_every_row_was_moved_once,
    run,
    stored,
)
from tests.backfills.witnessed import WitnessedTable
from tests.support.django_database import backend_pid, create_own_tables, django_connected_to
from tests.support.waiting import wait_for
from zero_downtime.backfills import registry
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.runner import Runner
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill

pytestmark = pytest.mark.usefixtures("own_tables")


@SMALL_BATCHES
def test_a_backend_that_dies_in_a_batch_takes_the_batch_and_its_cursor_with_it(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)

    class Dying(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            if self.tries == [None, "4"]:
                kill = "SELECT pg_terminate_backend(%s, 10000)"
                table.pg.execute(kill, [backend_pid(connection)])

    work = Dying()
    finished = run(connection, work)

    assert work.tries == [None, "4", "4", "8"]
    assert_every_row_was_moved_once(table, 12)
    assert (finished.status, finished.rows_done) == ("succeeded", 12)
    assert (finished.failed_batches, finished.error) == (0, "")


@SMALL_BATCHES
def test_a_backend_that_dies_between_two_batches_is_replaced(
    connection: BaseDatabaseWrapper, table: WitnessedTable, caplog: pytest.LogCaptureFixture
) -> None:
    table.insert(12)

    def progress(backfill: Backfill) -> None:
        if backfill.rows_done == 8:
            kill = "SELECT pg_terminate_backend(%s, 10000)"
            table.pg.execute(kill, [backend_pid(connection)])

    backfill = registry.register(connection, NAME, "t")
    finished = Runner(connection, backfill, Copy(), progress).run()

    assert_every_row_was_moved_once(table, 12)
    assert (finished.status, finished.rows_done) == ("succeeded", 12)
    assert f"Backfill {NAME}: connection lost, connecting again." in caplog.messages


def test_a_backend_that_dies_before_the_first_batch_is_replaced(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    runner = Runner(connection, registry.register(connection, NAME, "t"), Copy())
    table.pg.execute("SELECT pg_terminate_backend(%s, 10000)", [backend_pid(connection)])
    assert runner.run().status == "succeeded"
    assert_every_row_was_moved_once(table, 3)


@SMALL_BATCHES
def test_a_crash_of_the_whole_server_is_survived(
    connection: BaseDatabaseWrapper,
) -> None:
    """When one backend is killed, PostgreSQL ends all the others and recovers."""
    with (
        EmbeddedPostgres() as server,
        django_connected_to(server.url) as private_connection,
    ):
        create_own_tables(private_connection)
        with psycopg.connect(server.url, autocommit=True) as pg:
            table = WitnessedTable(pg)
            table.insert(12)

            class Crashing(Copy):
                def process(
                    self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange
                ) -> None:
                    super().process(connection, key, keys)
                    if self.tries == [None, "4"]:
                        os.kill(pg.info.backend_pid, signal.SIGKILL)

            finished = run(private_connection, Crashing())
        with psycopg.connect(server.url) as table.pg:
            assert_every_row_was_moved_once(table, 12)
        assert (finished.status, finished.rows_done) == ("succeeded", 12)


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4, "LOCK_DEADLINE": 0})
def test_a_server_that_stays_away_makes_nothing_fail(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)
    host = connection.settings_dict["HOST"]

    def progress(backfill: Backfill) -> None:
        connection.close()
        connection.settings_dict["HOST"] = "/nonexistent"

    backfill = registry.register(connection, NAME, "t")
    with pytest.raises(Refused, match=f"go on with: manage.py backfill {NAME}"):
        Runner(connection, backfill, Copy(), progress).run()
    connection.settings_dict["HOST"] = host
    left = stored(connection)
    assert (left.status, left.rows_done, left.error) == ("running", 4, "")

    run(connection)
    assert_every_row_was_moved_once(table, 12)


@SMALL_BATCHES
def test_a_batch_that_idles_too_long_for_the_server_is_split(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    """Python code may compute for longer than a transaction may idle."""
    table.insert(4)
    tried: list[int] = []

    class Thinking(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            tried.append(keys.rows)
            if keys.rows > 1:
                pid = backend_pid(connection)
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 1")
                ended = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {})"
                wait_for(lambda: table.ask(ended.format(pid)), "the session to be ended")

    finished = run(connection, Thinking())

    # Not how often: the connection may break before the server has said why.
    assert set(tried) == {4, 2, 1}
    assert_every_row_was_moved_once(table, 4)
    assert (finished.status, finished.failed_batches) == ("succeeded", 0)


@override_settings(ZERO_DOWNTIME={"VACUUM_ROWS": 2_000})
def test_a_vacuum_that_is_broken_off_is_no_failure(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    """A role may have a statement timeout that suits its other statements."""
    table.insert(5_000)
    with connection.cursor() as cursor:
        cursor.execute("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1")
        cursor.execute("SET statement_timeout = '1s'")
    assert run(connection).status == "succeeded"
    assert_every_row_was_moved_once(table, 5_000)


@SMALL_BATCHES
def test_ctrl_c_undoes_the_batch_it_hits(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)

    class Interrupted(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            if keys.after:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(connection, Interrupted())
    left = stored(connection)
    assert (left.status, left.rows_done) == ("running", 4)
    assert table.changed == [1, 2, 3, 4]

    run(connection)
    assert_every_row_was_moved_once(table, 12)
