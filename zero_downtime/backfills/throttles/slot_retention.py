"""How much WAL replication slots keep."""

from __future__ import annotations

from typing import Self

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.backfills.throttles.base import Throttle, byte_size
from zero_downtime.postgres import health


class SlotRetention(Throttle):
    """Holds while a replication slot keeps too much WAL on the disk, whoever was to read it.

    Fails closed: every role may read it, so something is wrong; and a full disk would stop the
    server for everybody.

    Args:
        max_bytes: of WAL, from the slot's position to the end.
    """

    name = "replication slot retention"
    fails_open = False

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self.max_bytes = max_bytes

    @classmethod
    def configured(cls) -> Self | None:
        """Return one with `MAX_SLOT_RETENTION_BYTES`."""
        max_bytes = conf.get("MAX_SLOT_RETENTION_BYTES")
        return None if max_bytes is None else cls(max_bytes)

    def check(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        """Compare the slot that keeps most."""
        slot, kept = health.slot_retention(connection) or ("", 0)
        if kept <= self.max_bytes:
            return None
        return f"replication slot {slot} keeps {byte_size(kept)} > {byte_size(self.max_bytes)}"
