"""How many sessions wait for locks."""

from __future__ import annotations

from typing import Self

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.backfills import registry
from zero_downtime.backfills.throttles.base import Throttle
from zero_downtime.postgres import health


class LockWaiters(Throttle):
    """Holds while many sessions wait for the table, for a row of it, or behind any backfill.

    A few always do on a busy table, and soon get what they want.

    Fails open: every role may read it, and nobody waits behind a batch for longer than it takes.

    Args:
        max_waiters: so many may.
    """

    name = "lock waiters"

    def __init__(self, max_waiters: int) -> None:
        super().__init__()
        self.max_waiters = max_waiters

    @classmethod
    def configured(cls) -> Self | None:
        """Return one with `MAX_LOCK_WAITERS`."""
        max_waiters = conf.get("MAX_LOCK_WAITERS")
        return None if max_waiters is None else cls(max_waiters)

    def check(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        """Count them."""
        waiters = health.lock_waiters(connection, table, workers=registry.WORKERS)
        if waiters <= self.max_waiters:
            return None
        return f"lock waiters {waiters} > {self.max_waiters}"
