"""Every row once, whatever happens to the connection, the batch or the process beside it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.backfills.copying import (
    NAME,
    SMALL_BATCHES,
    Clock,
    Copy,
    assert_every_row_was_moved_once,
    run,
    stored,
)
from tests.backfills.witnessed import WitnessedTable
from tests.support.django_database import django_connected_to
from zero_downtime import signals
from zero_downtime.backfills import controls, registry
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.throttles.base import Throttle
from zero_downtime.backfills.throttles.brake import Brake
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill

pytestmark = pytest.mark.usefixtures("own_tables")


@SMALL_BATCHES
def test_rows_are_moved_batch_by_batch(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(10)
    backfill = registry.register(connection, NAME, "t")
    seen: list[tuple[str, int, str | None]] = []

    def progress(backfill: Backfill) -> None:
        seen.append((backfill.status, backfill.rows_done, backfill.cursor))
        # What is shown has been committed: another session sees it too.
        assert table.ask("SELECT rows_done FROM zero_downtime_backfill") == backfill.rows_done
        assert table.ask("SELECT count(*) FROM log") == backfill.rows_done

    finished = Runner(connection, backfill, Copy(), progress).run()

    assert seen == [("running", 4, "4"), ("running", 8, "8"), ("running", 10, "10")]
    assert_every_row_was_moved_once(table, 10)
    assert (finished.status, finished.rows_done) == ("succeeded", 10)
    assert finished.finished_at is not None
    assert finished.seconds_running > 0
    assert stored(connection).status == "succeeded"


def test_an_empty_table_is_done_at_once(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    finished = run(connection)
    assert (finished.status, finished.rows_done) == ("succeeded", 0)


def test_a_finished_backfill_stays_finished(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    finished = run(connection)
    table.pg.execute("INSERT INTO t VALUES (4, 'late')")
    work = Copy()
    again = run(connection, work)
    assert (again.rows_done, again.finished_at) == (3, finished.finished_at)
    assert work.tries == []


@SMALL_BATCHES
def test_rows_that_come_after_the_start_are_the_triggers_business(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(6)

    class Growing(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            table.pg.execute("INSERT INTO t SELECT max(id) + 1, 'x', 'x' FROM t")

    assert run(connection, Growing()).rows_done == 6


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4})
def test_two_runners_share_the_work(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(400)
    backfill = registry.register(connection, NAME, "t")
    together = Barrier(2)

    def runner() -> int:
        with django_connected_to(database_url) as own_connection:
            work = Copy()
            prepared = Runner(own_connection, backfill, work)
            together.wait(20)
            assert prepared.run().status == "succeeded"
            return len(work.tries)

    with ThreadPoolExecutor(2) as threads:
        batches = [thread.result() for thread in [threads.submit(runner) for _ in range(2)]]

    assert_every_row_was_moved_once(table, 400)
    assert stored(connection).rows_done == 400
    assert sum(batches) == 100
    assert min(batches) > 0


@override_settings(
    ZERO_DOWNTIME={"BATCH_TARGET_SECONDS": 1e-9, "BATCH_MIN_ROWS": 2, "BATCH_MAX_ROWS": 16}
)
def test_the_batch_size_follows_the_duration(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(24)
    seen: list[int] = []
    backfill = registry.register(connection, NAME, "t")
    Runner(connection, backfill, Copy(), lambda each: seen.append(each.rows_done)).run()
    assert seen == [16, 20, 22, 24]


@override_settings(ZERO_DOWNTIME={"BATCH_MAX_ROWS": 100, "BATCH_PAUSE": 0.25})
def test_there_is_a_pause_after_each_batch(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(250)
    clock = Clock()
    Runner(connection, registry.register(connection, NAME, "t"), Copy(), stop=clock).run()
    assert clock.waits == [0.25] * 3


@SMALL_BATCHES
def test_a_rate_that_was_asked_for_is_kept(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    """Four rows at 4 rows/s are worth a second, whichever worker moves them."""
    table.insert(12)
    backfill = registry.register(connection, NAME, "t")
    controls.tune(connection, backfill, max_rate=4)
    clock = Clock()
    Runner(connection, backfill, Copy(), stop=clock).run()
    # None of them was waited for, so each batch has to wait for those before it.
    assert [round(wait + 0.4) for wait in clock.waits] == [1, 2, 3]
    assert_every_row_was_moved_once(table, 12)


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 100})
def test_at_a_low_rate_batches_are_small(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)
    backfill = registry.register(connection, NAME, "t")
    controls.tune(connection, backfill, max_rate=6)
    work = Copy()
    Runner(connection, backfill, work, stop=Clock()).run()
    assert work.tries == [None, "6"]


def test_a_backfill_that_is_taken_back_meanwhile_says_so(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    backfill = registry.register(connection, NAME, "t")
    runner = Runner(connection, backfill, Copy())
    registry.unregister(connection, NAME)
    with pytest.raises(Refused, match=f"Backfill {NAME} is no longer registered"):
        runner.run()
    assert table.changed == []


def test_a_worker_is_counted_while_it_works(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    backfill = registry.register(connection, NAME, "t")
    counted: list[int] = []

    def progress(backfill: Backfill) -> None:
        counted.append(registry.Listed.of(connection, backfill).workers)

    finished = Runner(connection, backfill, Copy(), progress).run()
    assert counted == [1]
    assert registry.Listed.of(connection, finished).workers == 0


@SMALL_BATCHES
def test_signals_tell_of_every_batch_and_of_the_end(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(10)
    told: list[tuple[str, str, int]] = []

    def progressed(sender: type[Backfill], backfill: Backfill, **kwargs: object) -> None:
        told.append(("progressed", backfill.status, backfill.rows_done))

    def ended(sender: type[Backfill], backfill: Backfill, **kwargs: object) -> None:
        told.append(("ended", backfill.status, backfill.rows_done))

    signals.backfill_progressed.connect(progressed, sender=Backfill)
    signals.backfill_ended.connect(ended, sender=Backfill)
    try:
        run(connection)
    finally:
        signals.backfill_progressed.disconnect(progressed, sender=Backfill)
        signals.backfill_ended.disconnect(ended, sender=Backfill)
    assert told == [
        ("progressed", "running", 4),
        ("progressed", "running", 8),
        ("progressed", "running", 10),
        ("ended", "succeeded", 10),
    ]


class Forever(Throttle):
    """A signal that never gets better."""

    name = "weather"

    @classmethod
    def configured(cls) -> Forever:
        return cls()

    def check(self, connection: BaseDatabaseWrapper, table: str) -> str:
        return "rain"


def test_what_is_throttled_can_be_cancelled(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    reasons: list[str] = []

    def progress(now: Backfill) -> None:
        reasons.append(now.throttled_by)
        controls.cancel(connection, now)

    backfill = registry.register(connection, NAME, "t")
    runner = Runner(connection, backfill, Copy(), progress, Brake([Forever()]), Clock())
    assert runner.run().status == "cancelled"
    assert reasons == ["paused 0 s: rain"]
    assert table.changed == []
