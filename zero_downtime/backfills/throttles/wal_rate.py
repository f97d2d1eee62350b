"""How fast WAL is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.backfills.throttles.base import Throttle, byte_size
from zero_downtime.backfills.throttles.samples import Samples
from zero_downtime.postgres import health


class WalRate(Throttle):
    """Holds while the server writes more WAL than the project wants, for whoever it is.

    What counts is the mean of the last seconds, so that a backfill alone gets along with short
    pauses and fills the rate that it is allowed.

    Fails open: every role may read it, it is a matter of pace, and the lag of replicas and what
    slots keep are watched on their own.

    Args:
        max_rate: bytes a second.
        clock: gives seconds that only ever grow.
    """

    name = "WAL rate"

    WINDOW = 10.0

    def __init__(self, max_rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.max_rate = max_rate
        self.clock = clock
        self.wal = Samples()

    @classmethod
    def configured(cls) -> Self | None:
        """Return one with `MAX_WAL_RATE`."""
        max_rate = conf.get("MAX_WAL_RATE")
        return None if max_rate is None else cls(max_rate)

    def check(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        """Compare the mean rate of the last `WINDOW` seconds, or since the first look."""
        now = self.clock()
        self.wal.add(now, health.flushed_wal(connection))
        self.wal.forget_before(now - self.WINDOW)
        first, last = self.wal.seen[0], self.wal.seen[-1]
        if last.at == first.at:
            return None
        rate = (last.position - first.position) / (last.at - first.at)
        if rate <= self.max_rate:
            return None
        return f"WAL rate {byte_size(rate)}/s > {byte_size(self.max_rate)}/s"
