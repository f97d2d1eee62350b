"""One `migrate` at a time in each database; the others wait for their turn."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from zero_downtime import conf
from zero_downtime.errors import Refused
from zero_downtime.postgres import advisory
from zero_downtime.postgres.sessions import application_name

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
    with application_name(
        connection, f"zero_downtime migrate {socket.gethostname()}:{os.getpid()}"
    ):
        _wait_for_turn(connection)
        try:
            with _again_in_new_sessions(connection):
                yield
        finally:
            if not connection.in_atomic_block and connection.is_usable():
                advisory.unlock(connection, KEY)


def _wait_for_turn(connection: BaseDatabaseWrapper) -> None:
    began = time.monotonic()
    deadline = began + conf.get("MIGRATE_WAIT")
    next_report = began
    while not advisory.try_lock(connection, KEY):
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


@contextmanager
def _again_in_new_sessions(connection: BaseDatabaseWrapper) -> Iterator[None]:
    def take_again(**signal: object) -> None:
        if signal["connection"] is connection and not advisory.try_lock(connection, KEY):
            raise Refused(
                f"The connection to database {connection.alias!r} was lost, and another process "
                f"has begun to migrate it{_who(connection)}. Run the same command again when it "
                "has ended."
            )

    connection_created.connect(take_again)
    try:
        yield
    finally:
        connection_created.disconnect(take_again)


def _who(connection: BaseDatabaseWrapper) -> str:
    session = advisory.holder(connection, KEY)
    return f": {session}" if session else ""
