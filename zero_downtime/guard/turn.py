"""One `migrate` at a time in each database; the others wait for their turn."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Self

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.errors import Refused
from zero_downtime.postgres import advisory, errors
from zero_downtime.postgres.direct import how_to_go_around
from zero_downtime.postgres.sessions import (
    application_name,
    in_new_sessions,
    never_end_when_idle,
    set_config,
)

logger = logging.getLogger("zero_downtime.migrate")

KEY = advisory.key_of("zero_downtime.migrate")
PAUSE = 0.2
REPORT_INTERVAL = 10.0


@contextmanager
def turn(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Wait until nobody else migrates this database, and keep others from it while in the block.

    The lock goes with the session, so a process that is killed leaves none behind. A session that
    replaces one that was lost in the block takes it again.

    Raises:
        Refused: somebody else migrated for longer than `MIGRATE_WAIT`; the message says who.
    """
    with application_name(connection, _our_name()):
        _wait_for_turn(connection, lambda: advisory.try_lock(connection, KEY))
        try:
            with in_new_sessions(connection, partial(_take_again, connection)):
                yield
        finally:
            if not connection.in_atomic_block and connection.is_usable():
                advisory.unlock(connection, KEY)


class TurnByTransaction:
    """The same through a proxy that pools transactions: a second connection has the lock.

    It does so in one transaction that stays open, with nothing in it that others could notice: no
    snapshot, no transaction id. It goes with the connection, so a process that is killed leaves
    none behind.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.keeper: BaseDatabaseWrapper = connection.copy()

    def __enter__(self) -> Self:
        try:
            _wait_for_turn(self.connection, self._try)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self._end()

    def confirm(self) -> None:
        """Take the turn again if the transaction was ended by somebody.

        Raises:
            Refused: another process has it now.
        """
        if not self.keeper.is_usable():
            self.keeper.close()
            if not self._try():
                raise _lost(self.connection)

    def _try(self) -> bool:
        """Begin the transaction, and end it at once if somebody else has the lock.

        Those who wait must not keep sessions that the proxy could give to others.
        """
        try:
            self.keeper.set_autocommit(False)
            with self.keeper.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        except OperationalError as error:
            raise _no_transaction(self.connection, error) from error
        set_config(self.keeper, "application_name", _our_name(), local=True)
        never_end_when_idle(self.keeper)
        is_ours = advisory.try_lock(self.keeper, KEY)
        if not is_ours:
            self.keeper.rollback()
        return is_ours

    def _end(self) -> None:
        if self.keeper.connection is not None and self.keeper.is_usable():
            self.keeper.rollback()  # a proxy throws a session away that is left in a transaction
        self.keeper.close()


def _our_name() -> str:
    return f"zero_downtime migrate {socket.gethostname()}:{os.getpid()}"


def _wait_for_turn(connection: BaseDatabaseWrapper, attempt: Callable[[], bool]) -> None:
    began = time.monotonic()
    deadline = began + conf.get("MIGRATE_WAIT")
    next_report = began
    while not attempt():
        now = time.monotonic()
        if now > deadline:
            raise Refused(
                f"Another process migrates database {connection.alias!r}{_who(connection)}. "
                "Nothing was done. Run the same command again when it has ended; it was waited for "
                f"as long as MIGRATE_WAIT says ({conf.get('MIGRATE_WAIT'):g} s)."
            )
        if now >= next_report:
            next_report = now + REPORT_INTERVAL
            logger.warning(
                "Another process migrates database %r%s. Waiting until it has ended.",
                connection.alias,
                _who(connection),
            )
        time.sleep(PAUSE)


def _take_again(connection: BaseDatabaseWrapper) -> None:
    if not advisory.try_lock(connection, KEY):
        raise _lost(connection)


def _lost(connection: BaseDatabaseWrapper) -> Refused:
    return Refused(
        f"The connection to database {connection.alias!r} was lost, and another process "
        f"has begun to migrate it{_who(connection)}. Run the same command again when it "
        "has ended."
    )


def _no_transaction(connection: BaseDatabaseWrapper, error: Exception) -> Refused:
    return Refused(
        f"The proxy before database {connection.alias!r} does not let a transaction begin: "
        f"{errors.message(error)}. Nothing was done.\n{how_to_go_around(connection.alias)}"
    )


def _who(connection: BaseDatabaseWrapper) -> str:
    session = advisory.holder(connection, KEY)
    return f": {session}" if session else ""
