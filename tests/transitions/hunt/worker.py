"""A worker of the backfill, led batch by batch, that can be held up in the middle of one."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.turns import OneStep, Turn
from tests.transitions.hunt.held_up import HeldUpSession
from tests.transitions.hunt.shop import Shop
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.work import Work
from zero_downtime.models import Backfill

ROWS_PER_BATCH = 2


class Worker(HeldUpSession):
    """Moves one batch each time it is told to."""

    def __init__(self, shop: Shop, backfill: Backfill) -> None:
        super().__init__(shop.url)
        self.work = InterruptedWork(self, shop)
        self.turn = Turn()
        self.runner = self._do(self._hire, backfill)

    def take_step(self, *, stops: bool) -> None:
        """Move one batch, or find that none is left; a batch may stop before it commits."""
        self.work.stops = stops
        self._begin(self._take_step)

    def go_on(self) -> None:
        """Let the batch that has stopped, or was going to, commit."""
        self.work.stops = False
        super().go_on()

    def _hire(self, backfill: Backfill) -> Runner:
        return Runner(
            self.connection, backfill, self.work, brake=OneStep(self.turn), stop=self.turn
        )

    def _take_step(self) -> None:
        self.turn.clear()
        self.runner.run()


class InterruptedWork(Work):
    """The work of the backfill; a batch has written its rows when it stops until it may go on."""

    def __init__(self, worker: Worker, shop: Shop) -> None:
        self.worker = worker
        self.shop = shop
        self.table = "shop_user"
        self.batch_size = ROWS_PER_BATCH
        self.leaves_new_rows = True
        self.stops = False

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
        self.shop.work(connection).process(connection, key, keys)
        if self.stops:
            self.worker.stop_here()

    def finish(self, connection: BaseDatabaseWrapper) -> None:
        self.shop.work(connection).finish(connection)
