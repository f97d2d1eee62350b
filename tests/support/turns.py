"""Leading a worker of a backfill step by step."""

from __future__ import annotations

from threading import Event

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills.throttles.brake import Brake


class Turn(Event):
    """A stop that never lets a runner wait."""

    def wait(self, timeout: float | None = None) -> bool:
        return False


class OneStep(Brake):
    """Asked before each step; that it was asked ends the turn after the step."""

    def __init__(self, turn: Turn) -> None:
        super().__init__([])
        self.turn = turn

    def reason(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        self.turn.set()
        return None
