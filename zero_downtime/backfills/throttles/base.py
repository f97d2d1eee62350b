"""What a throttle is."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import ClassVar, Self

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres import errors

logger = logging.getLogger("zero_downtime.backfills")


class Unreadable(Exception):
    """A throttle cannot read its signal; the message says why, and what to do about it."""


class Throttle(ABC):
    """One signal that tells a backfill to hold back.

    It may remember what it saw, so each backfill that runs needs throttles of its own.

    Attributes:
        name: the signal, in words for people.
        fails_open: what happens when the signal cannot be read. Open: the backfill goes on,
            with a warning in the log. Closed: it holds back, as it would for the signal.
    """

    name: ClassVar[str]
    fails_open: ClassVar[bool] = True

    def __init__(self) -> None:
        self._has_warned = False

    @classmethod
    @abstractmethod
    def configured(cls) -> Self | None:
        """Return one as the settings want it, or None if they do not want any."""

    @abstractmethod
    def check(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        """Look at the signal and return the reason to hold back, or None to go on.

        Raises:
            Unreadable, DatabaseError: it cannot be seen.
        """

    def verdict(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        """Return what `check` says, or what it should say when it cannot.

        Outside transactions, so that a failed question leaves no failed transaction behind.
        A lost connection is raised: it says nothing about the signal.
        """
        try:
            return self.check(connection, table)
        except (Unreadable, DatabaseError) as error:
            if errors.is_lost_connection(error):
                raise
            if not self.fails_open:
                return f"{self.name} cannot be read: {error}"
            if not self._has_warned:
                self._has_warned = True
                logger.warning(
                    "The backfill of %s does not watch the %s: %s.", table, self.name, error
                )
            return None


def byte_size(size: float) -> str:
    """Return `size`, in bytes, in words for people."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"
