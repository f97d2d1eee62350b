"""A worker whose rows are locked, or not to be seen yet."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from threading import Event

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from psycopg import IsolationLevel

from tests.backfills.copying import (
    NAME,
    SMALL_BATCHES,
    Copy,
    assert_every_row_was_moved_once,
    run,
    stored,
)
from tests.backfills.witnessed import WitnessedTable
from tests.support.django_database import django_connected_to
from tests.support.reports import reports
from tests.support.sessions import holding, waiting
from zero_downtime.backfills import registry
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.sweep import FillNulls
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill

pytestmark = pytest.mark.usefixtures("own_tables")


@SMALL_BATCHES
def test_a_row_that_a_client_holds_is_waited_for_briefly_and_left_for_later(
    connection: BaseDatabaseWrapper,
    table: WitnessedTable,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    table.insert(12)
    lock = "SELECT FROM t WHERE id = 6 FOR UPDATE"
    with holding(database_url, lock) as client:

        class Waiting(Copy):
            def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
                if len(self.tries) == 4:
                    client.rollback()
                super().process(connection, key, keys)

        work = Waiting()
        finished = run(connection, work)

    assert work.tries == [None, "4", "8", "4", "4"]
    assert caplog.messages == [f"Backfill {NAME}: a batch found its rows locked."] * 2
    assert_every_row_was_moved_once(table, 12)
    assert (finished.status, finished.failed_batches) == ("succeeded", 0)


@SMALL_BATCHES
def test_rows_that_are_held_for_long_do_not_hold_up_the_others(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(24)
    with (
        holding(database_url, "SELECT FROM t WHERE id = 2 FOR UPDATE") as first,
        holding(database_url, "SELECT FROM t WHERE id = 6 FOR UPDATE") as second,
    ):

        class Waiting(Copy):
            def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
                if self.tries.count("4") == 1:
                    second.rollback()
                if self.tries.count(None) == 2:
                    first.rollback()
                super().process(connection, key, keys)

        work = Waiting()
        finished = run(connection, work)

    # When nothing else is left they have their turn, one after the other.
    assert work.tries == [None, "4", "8", "12", "16", "20", None, "4", None]
    assert_every_row_was_moved_once(table, 24)
    assert (finished.status, finished.failed_batches) == ("succeeded", 0)


@SMALL_BATCHES
def test_a_batch_that_cannot_be_recorded_lets_go_of_its_rows(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    """Clients want the rows, whoever has locked the backfill."""
    table.insert(4)
    with psycopg.connect(database_url) as other:

        class Locked(Copy):
            def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
                super().process(connection, key, keys)
                if self.tries == [None]:
                    other.execute("SELECT FROM zero_downtime_backfill FOR UPDATE")

        class LookingAfterIt(Event):
            def wait(self, timeout: float | None = None) -> bool:
                table.pg.execute("SELECT FROM t FOR UPDATE NOWAIT")
                other.rollback()
                return False

        backfill = registry.register(connection, NAME, "t")
        finished = Runner(connection, backfill, Locked(), stop=LookingAfterIt()).run()

    assert_every_row_was_moved_once(table, 4)
    assert finished.status == "succeeded"


@SMALL_BATCHES
def test_a_client_that_was_faster_is_no_failure_under_strict_isolation(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)
    connection.settings_dict["OPTIONS"]["isolation_level"] = IsolationLevel.REPEATABLE_READ
    connection.close()

    class Overtaken(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            if self.tries == [None]:
                table.pg.execute("UPDATE t SET old = 'faster' WHERE id = 6")
            super().process(connection, key, keys)

    work = Overtaken()
    finished = run(connection, work)

    assert work.tries == [None, "4", "8", "4"]
    assert_every_row_was_moved_once(table, 12)
    assert (finished.status, finished.failed_batches) == ("succeeded", 0)


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 2, "BATCH_MAX_ROWS": 16, "LOCK_TIMEOUT": 0.01})
def test_a_batch_that_found_its_rows_locked_is_made_smaller(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(16)
    sizes: list[int] = []
    with holding(database_url, "SELECT FROM t WHERE id = 16 FOR UPDATE") as client:

        class Sized(Copy):
            def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
                if sizes:
                    client.rollback()
                sizes.append(keys.rows)
                super().process(connection, key, keys)

        run(connection, Sized())
    assert sizes[:2] == [16, 4]
    assert_every_row_was_moved_once(table, 16)


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 2, "BATCH_MAX_ROWS": 16})
def test_a_batch_that_a_client_waited_for_is_followed_by_smaller_ones(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(24)
    sizes: list[int] = []
    with ExitStack() as clients:

        class Sized(Copy):
            def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
                super().process(connection, key, keys)
                if not sizes:
                    wants = "SELECT FROM t WHERE id = 1 FOR UPDATE"
                    clients.enter_context(waiting(table.pg, database_url, wants, "client"))
                sizes.append(keys.rows)

        run(connection, Sized())
    assert sizes == [16, 4, 4]
    assert_every_row_was_moved_once(table, 24)


@override_settings(ZERO_DOWNTIME={"BATCH_MAX_ROWS": 100, "LOCK_TIMEOUT": 0.01, "LOCK_DEADLINE": 0})
def test_a_row_that_is_held_for_ever_makes_nothing_fail_either(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(3)
    with (
        holding(database_url, "SELECT FROM t WHERE id = 2 FOR UPDATE"),
        pytest.raises(Refused, match="could not move a row for 0 s"),
    ):
        run(connection)
    assert stored(connection).status == "running"
    assert table.changed == []


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4, "LOCK_DEADLINE": 0})
def test_who_joins_does_not_wait_for_those_at_work(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(12)
    backfill = registry.register(connection, NAME, "t")
    stop = Event()

    def stop_after_a_batch(backfill: Backfill) -> None:
        stop.set()

    class Joined(FillNulls):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            if keys.after is None:
                with django_connected_to(database_url) as other:
                    Runner(other, backfill, self, stop_after_a_batch, stop=stop).run()

    finished = Runner(connection, backfill, Joined("t", "new", "'x'")).run()
    assert stop.is_set()
    assert (finished.status, finished.rows_done) == ("succeeded", 12)
    assert table.changed == list(range(1, 13))


@override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.123})
def test_a_batch_runs_under_the_lock_timeout(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    timeouts: list[str] = []

    class Looking(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SHOW lock_timeout")
                timeouts.append(cursor.fetchone()[0])

    run(connection, Looking())
    assert timeouts == ["123ms"]


@SMALL_BATCHES
def test_rows_that_nobody_can_see_yet_are_waited_for_where_no_trigger_fills_them(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    """The key of the row that commits last is the first to be passed."""
    table.pg.execute("INSERT INTO t SELECT n, 'value ' || n FROM generate_series(2, 12) AS n")

    class WithoutTrigger(Copy):
        leaves_new_rows = False

    insert = "INSERT INTO t VALUES (1, 'value 1')"
    with holding(database_url, insert) as client, reports(then=client.commit):
        run(connection, WithoutTrigger())
    assert_every_row_was_moved_once(table, 12)
