from __future__ import annotations

import logging

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.support.clock import Clock
from zero_downtime.backfills.throttles.base import Throttle
from zero_downtime.backfills.throttles.brake import Brake


class Signal(Throttle):
    """A throttle that says what the test says; no database is asked."""

    name = "signal"

    def __init__(self, reason: str | None = None) -> None:
        super().__init__()
        self.reason = reason
        self.times_asked = 0

    @classmethod
    def configured(cls) -> None:
        return None

    def check(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        self.times_asked += 1
        return self.reason


def reason_of(brake: Brake) -> str | None:
    return brake.reason(connection, "t")


def test_without_throttles_it_never_holds(clock: Clock) -> None:
    assert reason_of(Brake([], clock)) is None


def test_it_says_why_and_for_how_long(clock: Clock) -> None:
    signal = Signal()
    brake = Brake([signal], clock)
    assert reason_of(brake) is None
    clock.now += 30
    signal.reason = "replica lag 4.1 s > 3 s"
    assert reason_of(brake) == "paused 0 s: replica lag 4.1 s > 3 s"
    clock.now += 12
    assert reason_of(brake) == "paused 12 s: replica lag 4.1 s > 3 s"
    clock.now += 1
    signal.reason = None
    assert reason_of(brake) is None
    clock.now += 1
    signal.reason = "again"
    assert reason_of(brake) == "paused 0 s: again"


def test_all_reasons_are_told_and_the_pause_is_that_of_all(clock: Clock) -> None:
    one, two = Signal("one"), Signal()
    brake = Brake([one, two], clock)
    reason_of(brake)
    clock.now += 5
    two.reason = "two"
    assert reason_of(brake) == "paused 5 s: one; two"
    clock.now += 5
    one.reason = None
    assert reason_of(brake) == "paused 10 s: two"


@override_settings(ZERO_DOWNTIME={"THROTTLE_INTERVAL": 2})
def test_it_asks_once_in_an_interval_and_counts_on(clock: Clock) -> None:
    signal = Signal("busy")
    brake = Brake([signal], clock)
    reason_of(brake)
    clock.now += 1.5
    signal.reason = None
    assert reason_of(brake) == "paused 2 s: busy"
    assert signal.times_asked == 1
    clock.now += 0.5
    assert reason_of(brake) is None
    assert signal.times_asked == 2


@override_settings(ZERO_DOWNTIME={"THROTTLE_MAX_HOLD": 600})
def test_one_that_holds_too_long_is_ignored_until_it_has_released(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    signal = Signal("stuck")
    brake = Brake([signal], clock)
    assert reason_of(brake) == "paused 0 s: stuck"
    clock.now += 600
    assert reason_of(brake) == "paused 600 s: stuck"
    for _ in range(3):
        clock.now += 1
        assert reason_of(brake) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "The backfill of t goes on in spite of stuck, which has held it for 601 s."
    )
    signal.reason = None
    clock.now += 1
    assert reason_of(brake) is None
    signal.reason = "stuck again"
    clock.now += 1
    assert reason_of(brake) == "paused 0 s: stuck again"


@override_settings(ZERO_DOWNTIME={"THROTTLE_MAX_HOLD": 600})
def test_the_others_still_hold(clock: Clock) -> None:
    stuck, other = Signal("stuck"), Signal()
    brake = Brake([stuck, other], clock)
    reason_of(brake)
    clock.now += 601
    other.reason = "busy"
    assert reason_of(brake) == "paused 601 s: busy"


@override_settings(ZERO_DOWNTIME={"THROTTLE_MAX_HOLD": None})
def test_without_a_longest_hold_it_holds(clock: Clock) -> None:
    brake = Brake([Signal("night")], clock)
    reason_of(brake)
    clock.now += 36_000
    assert reason_of(brake) == "paused 36000 s: night"
