"""What each row has to hold: what the transactions that have committed wrote to it last."""

from __future__ import annotations

from collections import ChainMap
from enum import Enum
from typing import Final


class Gone(Enum):
    """Stands for a row that does not exist."""

    GONE = "gone"


GONE: Final = Gone.GONE

# What both columns of a row hold.
Value = str | None


class Transaction:
    """The values of rows as one open transaction leaves them.

    Args:
        committed: the values of all rows as everybody sees them, to be changed by `commit`.
    """

    def __init__(self, committed: dict[int, Value]) -> None:
        self._committed = committed
        self._written: ChainMap[int, Value | Gone] = ChainMap()

    @property
    def savepoints(self) -> int:
        """How many savepoints it can go back to."""
        return len(self._written.maps) - 1

    def __getitem__(self, key: int) -> Value | Gone:
        return self._written.get(key, self._committed.get(key, GONE))

    def __setitem__(self, key: int, value: Value | Gone) -> None:
        self._written[key] = value

    def savepoint(self) -> None:
        """Begin a part that can be undone by itself."""
        self._written = self._written.new_child()

    def rollback_to_savepoint(self) -> None:
        """Undo what was written since the last savepoint, and forget that."""
        self._written = self._written.parents

    def commit(self) -> None:
        """Let everybody see what was written."""
        for key, value in self._written.items():
            if value is GONE:
                self._committed.pop(key, None)
            else:
                self._committed[key] = value
