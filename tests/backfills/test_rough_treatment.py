"""Several workers, and people and clients who do to a backfill whatever they like."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.backfills.witnessed import WitnessedTable
from tests.support.django_database import django_connected_to
from tests.support.waiting import wait_for
from zero_downtime.backfills import controls, registry, workers
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.sweep import FillNulls
from zero_downtime.backfills.work import CopyColumn, Work
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill

NAME = "shop.0003_fill"
BATCHES_OF_FOUR = override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4})
COPY = CopyColumn("t", "old", "new")

pytestmark = pytest.mark.usefixtures("own_tables")


@contextlib.contextmanager
def at_work(database_url: str, backfill: Backfill, work: Work) -> Iterator[Future[Backfill]]:
    """A worker in a thread, while in the block and until it has ended."""

    def run() -> Backfill:
        with django_connected_to(database_url) as connection:
            return Runner(connection, backfill, work).run()

    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(run)


@BATCHES_OF_FOUR
def test_controls_from_several_sides_at_once(
    connection: BaseDatabaseWrapper,
    table: WitnessedTable,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One is refused or done; none waits for another in a circle."""
    monkeypatch.setattr("zero_downtime.backfills.runner.LOOK_AGAIN", 0.01)
    table.insert(400)
    backfill = registry.register(connection, NAME, "t")
    asked = [controls.pause, controls.resume, controls.cancel, controls.retry, controls.start_over]
    over = Event()

    def meddle(seed: int) -> int:
        rng = random.Random(seed)
        done = 0
        with django_connected_to(database_url) as own:
            for _ in range(60):
                with contextlib.suppress(Refused):
                    rng.choice(asked)(own, backfill)
                    done += 1
        return done

    def work() -> None:
        with django_connected_to(database_url) as own:
            while not over.is_set():
                Runner(own, backfill, COPY, stop=over).run()

    with ThreadPoolExecutor(4) as threads:
        at_it = [threads.submit(work) for _ in range(2)]
        meddlers = [threads.submit(meddle, seed) for seed in range(2)]
        try:
            assert all(meddler.result() for meddler in meddlers)
        finally:
            over.set()
        for worker in at_it:
            worker.result()

    take_up(connection, backfill)
    assert Runner(connection, backfill, COPY).run().status == "succeeded"
    assert table.differing == 0
    assert sorted(set(table.changed)) == list(range(1, 401))


def take_up(connection: BaseDatabaseWrapper, backfill: Backfill) -> None:
    for control in (controls.resume, controls.retry):
        with contextlib.suppress(Refused):
            control(connection, backfill)


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 64})
def test_every_tenth_row_is_bad(connection: BaseDatabaseWrapper, table: WitnessedTable) -> None:
    table.insert(200)
    table.pg.execute("ALTER TABLE t ADD CHECK (new IS NULL OR id % 10 <> 0)")
    backfill = registry.register(connection, NAME, "t")

    finished = workers.run(connection, backfill, COPY, 3)

    assert (finished.status, finished.failed_batches, finished.rows_done) == ("failed", 20, 180)
    assert table.changed == [key for key in range(1, 201) if key % 10]
    failed = finished.ranges.values_list("upto", flat=True)
    assert sorted(map(int, failed)) == list(range(10, 201, 10))


@override_settings(ZERO_DOWNTIME={"BATCH_MAX_FAILURES": 5})
def test_too_many_bad_rows_stop_all_workers(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(400)
    table.pg.execute("ALTER TABLE t ADD CONSTRAINT strict CHECK (new IS NULL)")
    backfill = registry.register(connection, NAME, "t")

    failed = workers.run(connection, backfill, COPY, 3)

    # Each of the others may have been at one more row.
    assert failed.status == "failed"
    assert 5 <= failed.failed_batches <= 7
    table.pg.execute("ALTER TABLE t DROP CONSTRAINT strict")
    controls.retry(connection, failed)
    assert workers.run(connection, failed, COPY, 3).status == "succeeded"
    assert table.changed == list(range(1, 401))


@BATCHES_OF_FOUR
def test_a_worker_that_hangs_keeps_its_own_rows_only(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(40)
    backfill = registry.register(connection, NAME, "t")
    hanging, released = Event(), Event()

    class Hanging(CopyColumn):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            hanging.set()
            assert released.wait(20)

    with at_work(database_url, backfill, Hanging("t", "old", "new")) as hung:
        assert hanging.wait(20)
        with at_work(database_url, backfill, COPY) as other:
            wait_for(lambda: len(table.changed) == 36, "all other rows to be moved")
            assert not other.done()
            released.set()
            assert other.result().status == hung.result().status == "succeeded"
    assert table.changed == list(range(1, 41))
    assert Backfill.objects.get().rows_done == 40


@BATCHES_OF_FOUR
def test_two_backfills_of_one_table_at_the_same_time(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(400)
    table.pg.execute("ALTER TABLE t ADD other text")
    one = registry.register(connection, NAME, "t")
    two = registry.register(connection, "shop.0004_other", "t")
    with (
        at_work(database_url, one, COPY) as first,
        at_work(database_url, two, FillNulls("t", "other", "'x'")) as second,
    ):
        ended = [first.result(), second.result()]
    assert [(each.status, each.rows_done) for each in ended] == [("succeeded", 400)] * 2
    assert table.changed == list(range(1, 401))
    assert table.ask("SELECT count(*) FROM t WHERE other = 'x'") == 400


@BATCHES_OF_FOUR
@pytest.mark.parametrize("statement", ["TRUNCATE t", "DELETE FROM t", "DELETE FROM t WHERE id > 9"])
def test_rows_that_are_gone_before_their_turn(
    connection: BaseDatabaseWrapper, table: WitnessedTable, statement: str
) -> None:
    table.insert(40)
    backfill = registry.register(connection, NAME, "t")
    execute: Callable[[str], object] = table.pg.execute

    def progress(now: Backfill) -> None:
        if now.rows_done == 8:
            execute(statement)

    finished = Runner(connection, backfill, COPY, progress).run()
    assert finished.status == "succeeded"
    assert not finished.ranges.exists()
    assert table.differing == 0


@BATCHES_OF_FOUR
def test_a_vacuum_in_the_middle(connection: BaseDatabaseWrapper, table: WitnessedTable) -> None:
    table.insert(40)
    backfill = registry.register(connection, NAME, "t")

    def progress(now: Backfill) -> None:
        table.pg.execute("VACUUM (FULL, ANALYZE) t")

    finished = Runner(connection, backfill, COPY, progress).run()
    assert (finished.status, finished.rows_done) == ("succeeded", 40)
    assert table.changed == list(range(1, 41))
