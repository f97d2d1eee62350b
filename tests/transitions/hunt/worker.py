"""A worker of the backfill, led batch by batch, that can be held up in the middle of one."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Event

from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.django_database import django_connected_to
from tests.support.turns import OneStep, Turn
from tests.transitions.hunt.sessions import Session
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.work import CopyColumn, Work
from zero_downtime.models import Backfill

ROWS_PER_BATCH = 2


class HeldUp(Work):
    """The work of the backfill; a batch has written its rows when it stops until it may go on."""

    def __init__(self, copy: CopyColumn) -> None:
        self.copy = copy
        self.table = copy.table
        self.batch_size = ROWS_PER_BATCH
        self.leaves_new_rows = copy.leaves_new_rows
        self.stops = False
        self.has_stopped = Event()
        self.may_go_on = Event()

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
        self.copy.process(connection, key, keys)
        if self.stops:
            self.may_go_on.clear()
            self.has_stopped.set()
            self.may_go_on.wait()

    def finish(self, connection: BaseDatabaseWrapper) -> None:
        self.copy.finish(connection)

    def go_on(self) -> None:
        """Let the batch that has stopped, or was going to, commit."""
        self.stops = False
        self.has_stopped.clear()
        self.may_go_on.set()


class Worker(Session):
    """Moves one batch each time it is told to."""

    def __init__(self, url: str, backfill: Backfill, copy: CopyColumn) -> None:
        super().__init__()
        self.work = HeldUp(copy)
        self.turn = Turn()
        self._end = ExitStack()
        self.connection = self._do(self._end.enter_context, django_connected_to(url))
        self.runner = self._do(self._hire, backfill)

    @property
    def pid(self) -> int | None:
        """The process id of its backend."""
        connection = self.connection.connection
        return connection.info.backend_pid if connection else None

    @property
    def is_busy(self) -> bool:
        """Whether it is at work, and not held up."""
        return super().is_busy and not self.is_held_up

    @property
    def is_held_up(self) -> bool:
        """Whether it is in a batch that waits to be let go on."""
        return self.work.has_stopped.is_set()

    def take_step(self, *, stops: bool) -> None:
        """Move one batch, or find that none is left; a batch may stop before it commits."""
        self.work.stops = stops
        self._begin(self._take_step)

    def raise_what_went_wrong(self) -> None:
        """Raise what its last step raised, if that is over."""
        if self.doing is not None and self.doing.done():
            self._result()

    def _disconnect(self) -> None:
        self.work.go_on()
        self._do(self._end.close)

    def _hire(self, backfill: Backfill) -> Runner:
        return Runner(
            self.connection, backfill, self.work, brake=OneStep(self.turn), stop=self.turn
        )

    def _take_step(self) -> None:
        self.turn.clear()
        self.runner.run()
