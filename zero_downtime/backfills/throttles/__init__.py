"""Signals that tell a backfill to hold back: one file each, and the brake that asks them."""

from __future__ import annotations

from zero_downtime.backfills.throttles.base import Throttle
from zero_downtime.backfills.throttles.custom import Custom
from zero_downtime.backfills.throttles.lock_waiters import LockWaiters
from zero_downtime.backfills.throttles.old_snapshot import OldSnapshot
from zero_downtime.backfills.throttles.replica_lag import ReplicaLag
from zero_downtime.backfills.throttles.slot_retention import SlotRetention
from zero_downtime.backfills.throttles.wal_rate import WalRate
from zero_downtime.backfills.throttles.wraparound import Wraparound

THROTTLES: tuple[type[Throttle], ...] = (
    ReplicaLag,
    SlotRetention,
    WalRate,
    LockWaiters,
    Wraparound,
    OldSnapshot,
    Custom,
)


def configured_throttles() -> list[Throttle]:
    """Return new throttles, those that the settings want."""
    configured = (throttle.configured() for throttle in THROTTLES)
    return [throttle for throttle in configured if throttle is not None]
