"""The modes of a lock on a table, and which of them go together."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Lock(IntEnum):
    """The modes of a lock on a table, as PostgreSQL orders them."""

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def stops_writes(self) -> bool:
        """INSERT, UPDATE and DELETE wait while somebody holds it."""
        return self >= Lock.SHARE

    @property
    def stops_reads(self) -> bool:
        """SELECT waits, too."""
        return self is Lock.ACCESS_EXCLUSIVE

    @property
    def conflicting(self) -> frozenset[Lock]:
        """The modes that another session cannot hold at the same time."""
        conflicting = {mode for mode in Lock if mode >= _WEAKEST_CONFLICT[self]}
        return frozenset(conflicting - {Lock.SHARE} if self is Lock.SHARE else conflicting)

    @property
    def sql(self) -> str:
        """Its name in LOCK TABLE."""
        return self.name.replace("_", " ")

    @property
    def in_pg_locks(self) -> str:
        """Its name in `pg_locks.mode`."""
        return f"{self.name.title().replace('_', '')}Lock"


# Each mode conflicts with this one and all that are stronger; but SHARE not with itself.
_WEAKEST_CONFLICT = {
    Lock.ACCESS_SHARE: Lock.ACCESS_EXCLUSIVE,
    Lock.ROW_SHARE: Lock.EXCLUSIVE,
    Lock.ROW_EXCLUSIVE: Lock.SHARE,
    Lock.SHARE_UPDATE_EXCLUSIVE: Lock.SHARE_UPDATE_EXCLUSIVE,
    Lock.SHARE: Lock.ROW_EXCLUSIVE,
    Lock.SHARE_ROW_EXCLUSIVE: Lock.ROW_EXCLUSIVE,
    Lock.EXCLUSIVE: Lock.ROW_SHARE,
    Lock.ACCESS_EXCLUSIVE: Lock.ACCESS_SHARE,
}


def strongest(locks: Iterable[tuple[str, Lock]]) -> dict[str, Lock]:
    """Return the strongest lock on each table."""
    found: dict[str, Lock] = {}
    for table, lock in locks:
        found[table] = max(lock, found.get(table, lock))
    return found
