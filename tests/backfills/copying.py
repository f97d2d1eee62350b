"""The copy that most tests of the engine run."""

from __future__ import annotations

from threading import Event

from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.backfills.witnessed import WitnessedTable
from zero_downtime.backfills import registry
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Backfill

NAME = "shop.0003_fill"
SMALL_BATCHES = override_settings(
    ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4, "LOCK_TIMEOUT": 0.02}
)


class Copy(CopyColumn):
    """The copy that the tests run. It counts the tries, by the first key that is not in them."""

    def __init__(self) -> None:
        super().__init__("t", "old", "new")
        self.tries: list[str | None] = []

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> int | None:
        self.tries.append(keys.after)
        return super().process(connection, key, keys)


def run(connection: BaseDatabaseWrapper, work: Copy | None = None) -> Backfill:
    backfill = registry.register(connection, NAME, "t")
    return Runner(connection, backfill, work or Copy()).run()


def stored(connection: BaseDatabaseWrapper) -> Backfill:
    return Backfill.objects.using(connection.alias).get(name=NAME)


def assert_every_row_was_moved_once(table: WitnessedTable, count: int) -> None:
    assert table.differing == 0
    assert table.changed == list(range(1, count + 1))


class Clock(Event):
    """A stop that is never asked for, and that does not wait, but remembers how long it should."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        return False
