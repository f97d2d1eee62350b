"""How far replicas are behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.backfills.throttles.base import Throttle, Unreadable, byte_size
from zero_downtime.backfills.throttles.samples import Samples
from zero_downtime.postgres import health


class ReplicaLag(Throttle):
    """Holds while a replica, or a logical subscriber, is too far behind.

    Fails open: only members of `pg_read_all_stats` see how far replicas are, and a role that
    merely owns its tables must be able to run its backfills.

    Args:
        max_seconds, max_bytes: None for no limit.
        clock: gives seconds that only ever grow.
    """

    name = "replica lag"

    def __init__(
        self,
        max_seconds: float | None,
        max_bytes: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.max_seconds = max_seconds
        self.max_bytes = max_bytes
        self.clock = clock
        self.wal = Samples()

    @classmethod
    def configured(cls) -> Self | None:
        """Return one with `MAX_REPLICA_LAG` and `MAX_REPLICA_LAG_BYTES`."""
        max_seconds, max_bytes = conf.get("MAX_REPLICA_LAG"), conf.get("MAX_REPLICA_LAG_BYTES")
        return None if max_seconds is None and max_bytes is None else cls(max_seconds, max_bytes)

    def check(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        """Compare the replica that is furthest behind, in seconds and then in bytes."""
        self.wal.add(self.clock(), health.flushed_wal(connection))
        replicas = health.replicas(connection)
        if any(replica.replayed is None for replica in replicas):
            raise Unreadable(
                "there are replicas, but this role may not see how far they are. "
                "Grant it pg_read_all_stats or pg_monitor, or set MAX_REPLICA_LAG to None"
            )
        return self._too_late(replicas) or self._too_far(replicas)

    def _too_late(self, replicas: list[health.Replica]) -> str | None:
        lags = [(self._seconds(replica), replica.name) for replica in replicas]
        seconds, name = max(lags, default=(0, ""))
        if self.max_seconds is None or seconds <= self.max_seconds:
            return None
        return f"replica lag {seconds:.1f} s > {self.max_seconds:g} s ({name})"

    def _too_far(self, replicas: list[health.Replica]) -> str | None:
        lags = [(self._bytes(replica), replica.name) for replica in replicas]
        size, name = max(lags, default=(0, ""))
        if self.max_bytes is None or size <= self.max_bytes:
            return None
        return f"replica lag {byte_size(size)} > {byte_size(self.max_bytes)} ({name})"

    def _seconds(self, replica: health.Replica) -> float:
        """Return how old the newest is that `replica` has replayed.

        What PostgreSQL reports is what it measured when the replica last replayed something: it
        stands still while replay is paused, and some time after the replica has caught up. So
        it counts only as far as it agrees with what was seen here.
        """
        assert replica.replayed is not None
        at_least, at_most = self.wal.age_of(replica.replayed)
        return min(max(at_least, replica.reported_lag or 0), at_most)

    def _bytes(self, replica: health.Replica) -> int:
        assert replica.replayed is not None
        return self.wal.seen[-1].position - replica.replayed
