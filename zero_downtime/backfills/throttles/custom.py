"""What the project itself has to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.backfills.throttles.base import Throttle, Unreadable
from zero_downtime.postgres import errors


class Custom(Throttle):
    """Holds while a function of the project returns a reason.

    Fails closed, when it raises anything: only the project knows what it protects with it.

    Args:
        function: called with the connection and the table; returns a text, or anything false.
    """

    name = "THROTTLE"
    fails_open = False

    def __init__(self, function: Callable[[BaseDatabaseWrapper, str], object]) -> None:
        super().__init__()
        self.function = function

    @classmethod
    def configured(cls) -> Self | None:
        """Return one with `THROTTLE`."""
        function = conf.get("THROTTLE")
        return None if function is None else cls(function)

    def check(self, connection: BaseDatabaseWrapper, table: str) -> str | None:
        """Ask the function."""
        try:
            reason = self.function(connection, table)
        except Exception as error:
            # It may have lost another connection, to some service, and not this one.
            if errors.is_lost_connection(error) and not connection.is_usable():
                raise
            raise Unreadable(f"{type(error).__name__}: {error}") from error
        return str(reason) if reason else None
