"""How old the oldest snapshot is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.backfills.throttles.base import Throttle
from zero_downtime.postgres import health


class OldSnapshot(Throttle):
    """Holds while a snapshot is so old that the table grows: a forgotten transaction, a dump.

    While it lasts, the old versions of the rows that a backfill writes cannot be removed, and
    the table may double.

    The age of a session of another role is seen only by members of `pg_read_all_stats`. For
    others, it counts from when the snapshot was first seen here, so every role can read it.

    Fails open: a table that grows is a nuisance, and no danger.

    Args:
        max_seconds: age of a transaction that has a snapshot, or has written something.
        clock: gives seconds that only ever grow.
    """

    name = "oldest snapshot"

    def __init__(self, max_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.max_seconds = max_seconds
        self.clock = clock
        self.first_seen: dict[tuple[str, str], float] = {}

    @classmethod
    def configured(cls) -> Self | None:
        """Return one with `MAX_SNAPSHOT_AGE`."""
        max_seconds = conf.get("MAX_SNAPSHOT_AGE")
        return None if max_seconds is None else cls(max_seconds)

    def check(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        """Compare the oldest."""
        snapshots = health.snapshots(connection)
        self._look_at(snapshots)
        age, holder = max(((self._age(each), each.holder) for each in snapshots), default=(0, ""))
        if age <= self.max_seconds:
            return None
        return f"oldest snapshot {age:.0f} s > {self.max_seconds:g} s ({holder})"

    def _look_at(self, snapshots: list[health.Snapshot]) -> None:
        self.now = self.clock()
        seen = [(each.holder, each.xid) for each in snapshots]
        self.first_seen = {each: self.first_seen.get(each, self.now) for each in seen}

    def _age(self, snapshot: health.Snapshot) -> float:
        if snapshot.seconds is not None:
            return snapshot.seconds
        return self.now - self.first_seen[snapshot.holder, snapshot.xid]
