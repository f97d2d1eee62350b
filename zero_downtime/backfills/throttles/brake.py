"""Asking the throttles, not too often, and not listening to one forever."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from threading import Lock

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.backfills.throttles.base import Throttle

logger = logging.getLogger("zero_downtime.backfills")


class Brake:
    """Tells whether a backfill has to hold back, and why. It never sleeps itself.

    The workers of one process may share one: whoever comes first after `THROTTLE_INTERVAL` asks
    for all of them. For one backfill, since the throttles remember what they saw.

    Args:
        throttles: all of them are asked each time, because they learn from looking.
        clock: gives seconds that only ever grow.
    """

    def __init__(
        self, throttles: Iterable[Throttle], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._holds = [Hold(throttle, conf.get("THROTTLE_MAX_HOLD")) for throttle in throttles]
        self._clock = clock
        self._interval: float = conf.get("THROTTLE_INTERVAL")
        self._lock = Lock()
        self._asked_at = float("-inf")
        self._paused_since: float | None = None

    def reason(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        """Return why to hold back, as "paused 12 s: replica lag 4.1 s > 3 s"; None to go on.

        Outside transactions. Raises what a lost connection raises.
        """
        with self._lock:
            now = self._clock()
            if now - self._asked_at >= self._interval:
                for hold in self._holds:
                    hold.ask(connection, table, now)
                self._asked_at = now
            return self._describe(now)

    def _describe(self, now: float) -> str | None:
        reasons = [hold.reason for hold in self._holds if hold.reason and not hold.ignored]
        if not reasons:
            self._paused_since = None
            return None
        if self._paused_since is None:
            self._paused_since = now
        return f"paused {now - self._paused_since:.0f} s: {'; '.join(reasons)}"


class Hold:
    """One throttle, and for how long it has been holding.

    Args:
        longest: seconds after which it is ignored, until it has released; None for never.
    """

    def __init__(self, throttle: Throttle, longest: float | None) -> None:
        self.throttle = throttle
        self.longest = longest
        self.reason: str | None = None
        self.since: float | None = None
        self.ignored = False

    def ask(self, connection: BaseDatabaseWrapper, table: str, now: float) -> None:
        """Look at the signal."""
        self.reason = self.throttle.verdict(connection, table)
        if self.reason is None:
            self.since = None
            self.ignored = False
            return
        if self.since is None:
            self.since = now
        if self.longest is not None and now - self.since > self.longest and not self.ignored:
            self.ignored = True
            logger.warning(
                "The backfill of %s goes on in spite of %s, which has held it for %.0f s.",
                table,
                self.reason,
                now - self.since,
            )
