"""What people do to a backfill that nobody, or somebody, is at work on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.backfills.witnessed import WitnessedTable
from tests.support.django_database import django_connected_to
from zero_downtime.backfills import controls, registry
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill, BackfillRange
from zero_downtime.postgres.locks import lock_timeout

NAME = "shop.0003_fill"
BATCHES_OF_FOUR = override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4})

pytestmark = pytest.mark.usefixtures("own_tables")


class CopyAnd(CopyColumn):
    """Copies; `then` is called once, in the middle of the second batch."""

    def __init__(self, then: Callable[[], object]) -> None:
        super().__init__("t", "old", "new")
        self.then = then
        self.called = False

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
        super().process(connection, key, keys)
        if keys.after and not self.called:
            self.called = True
            self.then()


@pytest.fixture
def backfill(connection: BaseDatabaseWrapper, table: WitnessedTable) -> Backfill:
    """A backfill of twelve rows that nobody is at work on."""
    table.insert(12)
    return registry.register(connection, NAME, "t")


def run(connection: BaseDatabaseWrapper, backfill: Backfill) -> Backfill:
    return Runner(connection, backfill, CopyColumn("t", "old", "new")).run()


def test_nobody_at_work_is_paused_at_once(
    connection: BaseDatabaseWrapper, backfill: Backfill
) -> None:
    assert controls.pause(connection, backfill).status == "paused"
    assert controls.resume(connection, backfill).status == "pending"
    assert run(connection, backfill).status == "succeeded"


@BATCHES_OF_FOUR
def test_a_dead_worker_is_nobody(
    connection: BaseDatabaseWrapper, table: WitnessedTable, backfill: Backfill
) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Runner(connection, backfill, CopyAnd(die)).run()
    assert Backfill.objects.get().status == "running"
    assert controls.pause(connection, backfill).status == "paused"


@BATCHES_OF_FOUR
def test_a_batch_is_finished_before_the_pause_and_a_resumed_worker_goes_on(
    connection: BaseDatabaseWrapper, database_url: str, table: WitnessedTable, backfill: Backfill
) -> None:
    seen: list[tuple[str, int]] = []

    def pause() -> None:
        with django_connected_to(database_url) as other:
            assert controls.pause(other, backfill).status == "pausing"

    def progress(now: Backfill) -> None:
        seen.append((now.status, now.rows_done))
        if now.status == "paused":
            controls.resume(connection, backfill)

    work = CopyAnd(pause)
    assert Runner(connection, backfill, work, progress).run().status == "succeeded"
    assert seen == [("running", 4), ("pausing", 8), ("paused", 8), ("running", 12)]
    assert table.changed == list(range(1, 13))


@BATCHES_OF_FOUR
def test_a_pause_that_is_taken_back_before_it_began(
    connection: BaseDatabaseWrapper, database_url: str, backfill: Backfill
) -> None:
    def pause_and_resume() -> None:
        with django_connected_to(database_url) as other:
            controls.pause(other, backfill)
            assert controls.resume(other, backfill).status == "running"

    assert Runner(connection, backfill, CopyAnd(pause_and_resume)).run().status == "succeeded"


@BATCHES_OF_FOUR
def test_what_is_cancelled_in_a_batch_ends_after_it(
    connection: BaseDatabaseWrapper, database_url: str, table: WitnessedTable, backfill: Backfill
) -> None:
    def cancel() -> None:
        with django_connected_to(database_url) as other:
            controls.cancel(other, backfill)

    ended = Runner(connection, backfill, CopyAnd(cancel)).run()
    assert (ended.status, ended.rows_done) == ("cancelled", 8)
    assert run(connection, backfill).status == "cancelled"

    controls.retry(connection, backfill)
    assert run(connection, backfill).status == "succeeded"
    assert table.changed == list(range(1, 13))


@BATCHES_OF_FOUR
def test_who_cancels_and_retries_does_not_wait_for_a_batch(
    connection: BaseDatabaseWrapper, database_url: str, table: WitnessedTable, backfill: Backfill
) -> None:
    """The batch would wait for them in turn, to record that it is done."""

    def change_ones_mind() -> None:
        with django_connected_to(database_url) as other, lock_timeout(other, 0.05):
            controls.cancel(other, backfill)
            controls.retry(other, backfill)

    ended = Runner(connection, backfill, CopyAnd(change_ones_mind)).run()
    assert (ended.status, ended.rows_done) == ("succeeded", 12)
    assert table.changed == list(range(1, 13))


@BATCHES_OF_FOUR
def test_it_does_not_start_over_while_somebody_is_at_work(
    connection: BaseDatabaseWrapper, database_url: str, backfill: Backfill
) -> None:
    refusals: list[str] = []

    def start_over() -> None:
        with django_connected_to(database_url) as other, pytest.raises(Refused) as refusal:
            controls.start_over(other, backfill)
        refusals.append(str(refusal.value))

    assert Runner(connection, backfill, CopyAnd(start_over)).run().status == "succeeded"
    assert len(refusals) == 1
    assert f"Pause it first: manage.py backfill --pause {NAME}" in refusals[0]


@BATCHES_OF_FOUR
def test_starting_over_forgets_everything(
    connection: BaseDatabaseWrapper, table: WitnessedTable, backfill: Backfill
) -> None:
    table.pg.execute("ALTER TABLE t ADD CONSTRAINT strict CHECK (new <> 'value 6')")
    failed = run(connection, backfill)
    assert (failed.status, BackfillRange.objects.count()) == ("failed", 1)
    fresh = controls.start_over(connection, failed)
    assert (fresh.status, fresh.rows_done, fresh.failed_batches, fresh.error) == (
        "pending",
        0,
        0,
        "",
    )
    assert not BackfillRange.objects.exists()
    table.pg.execute("ALTER TABLE t DROP CONSTRAINT strict")
    assert run(connection, fresh).rows_done == 12


def test_the_pace_is_kept_until_it_is_changed(
    connection: BaseDatabaseWrapper, backfill: Backfill
) -> None:
    controls.tune(connection, backfill, batch_size=7, max_rate=100)
    tuned = controls.tune(connection, backfill, target_seconds=0.25, max_rate=50)
    assert tuned.pace == "batches of 7 rows, 0.25 s a batch, at most 50 rows/s"
    reset = controls.tune(connection, backfill, batch_size=0, target_seconds=0, max_rate=0)
    assert reset.pace == "as the settings say"


def test_the_rate_is_that_of_all_workers_together(
    connection: BaseDatabaseWrapper, backfill: Backfill
) -> None:
    """Each worker is told to wait until the rows of those before it are paid for as well."""
    controls.tune(connection, backfill, max_rate=2)
    first, second = (
        Runner(connection, backfill, CopyColumn("t", "old", "new")).ledger for _ in range(2)
    )
    with transaction.atomic():
        handed_out = first.hand_out(4)
        begin = Backfill.objects.get().paced_until
    assert handed_out.range is not None
    assert handed_out.range.rows == 2
    assert handed_out.seconds_at_rate == pytest.approx(1)
    handed_out.range.delete()
    assert 1 < second.hand_out(4).seconds_at_rate <= 2
    end = Backfill.objects.get().paced_until
    assert begin is not None
    assert end == begin + timedelta(seconds=1)
