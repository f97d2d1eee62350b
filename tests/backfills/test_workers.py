from __future__ import annotations

from threading import Barrier, get_ident

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.backfills.witnessed import WitnessedTable
from tests.support.django_database import backend_pid
from zero_downtime.backfills import registry, workers
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Backfill

BATCHES_OF_TEN = override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 10, "BATCH_MAX_ROWS": 10})

pytestmark = pytest.mark.usefixtures("own_tables")


@BATCHES_OF_TEN
def test_workers_are_in_different_batches_at_the_same_time(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(90)

    class Together(CopyColumn):
        def __init__(self) -> None:
            super().__init__("t", "old", "new")
            self.barrier = Barrier(3)

        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            self.barrier.wait(20)  # nobody gets on unless three are in a batch
            super().process(connection, key, keys)

    seen: list[int] = []
    backfill = registry.register(connection, "shop.0003", "t")

    def progress(now: Backfill) -> None:
        seen.append(now.rows_done)

    finished = workers.run(connection, backfill, Together(), 3, progress)

    assert (finished.status, finished.rows_done) == ("succeeded", 90)
    assert table.changed == list(range(1, 91))
    assert seen == sorted(seen)


@BATCHES_OF_TEN
def test_the_error_of_one_worker_stops_the_others(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(1000)
    both_work = Barrier(2)
    ill: list[int] = []

    class Broken(CopyColumn):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            if not both_work.broken and keys.rows and len(ill) == 0:
                both_work.wait(20)
                ill.append(get_ident())
                if ill[0] == get_ident():
                    raise KeyboardInterrupt
            super().process(connection, key, keys)

    backfill = registry.register(connection, "shop.0003", "t")
    with pytest.raises(KeyboardInterrupt):
        workers.run(connection, backfill, Broken("t", "old", "new"), 2)
    left = Backfill.objects.get()
    assert left.status == "running"
    assert left.rows_done < 1000

    assert workers.run(connection, left, CopyColumn("t", "old", "new"), 2).status == "succeeded"
    assert table.changed == list(range(1, 1001))


@BATCHES_OF_TEN
def test_the_command_s_own_connection_may_be_lost_meanwhile(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    """It idles for as long as the workers are at work, which may be days."""
    table.insert(30)
    backfill = registry.register(connection, "shop.0003", "t")
    pid = backend_pid(connection)

    def progress(now: Backfill) -> None:
        table.pg.execute("SELECT pg_terminate_backend(%s)", [pid])

    finished = workers.run(connection, backfill, CopyColumn("t", "old", "new"), 2, progress)
    assert (finished.status, finished.rows_done) == ("succeeded", 30)
    assert Backfill.objects.get().status == "succeeded"
