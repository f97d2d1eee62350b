"""Whether the table is being vacuumed to prevent wraparound."""

from __future__ import annotations

from typing import Self

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills.throttles.base import Throttle
from zero_downtime.postgres import health


class Wraparound(Throttle):
    """Holds while a vacuum to prevent wraparound of transaction ids is at work on the table.

    It must get to its end: otherwise the server refuses to write, some day. A backfill writes
    pages that it has to read again, and competes with it for the disk.

    Fails open: every role may read it, and such a vacuum gets to its end beside a backfill too,
    only later.
    """

    name = "vacuum to prevent wraparound"

    @classmethod
    def configured(cls) -> Self | None:
        """Return one: there is nothing to set."""
        return cls()

    def check(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        """Look for the vacuum."""
        vacuumed = health.wraparound_vacuum(connection, table)
        return None if vacuumed is None else f"vacuum to prevent wraparound of {vacuumed}"
