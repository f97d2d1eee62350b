"""What a task does: it is one worker of a backfill for a while, and then enqueues its successor.

A task that ran to the end of a large table would outlive every deploy and block the queue. Nothing
about the rows depends on the queue: a batch is leased and committed through the ledger, so a task
that is lost, delivered twice or killed in its batch leaves the rows as any other worker does.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event, Timer

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.backfills import registry, workers
from zero_downtime.backfills.statuses import Status
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill
from zero_downtime.operations.backfill_operation import load_work
from zero_downtime.postgres import errors
from zero_downtime.postgres.direct import direct, is_without_session, no_session

logger = logging.getLogger("zero_downtime.backfills")

# In these there is something for a successor to do. A paused one has none, so that its tasks do
# not go round in the queue for as long as it is paused.
UNFINISHED = (Status.PENDING, Status.RUNNING, Status.PAUSING)

# How long the queue keeps the successor of a task that was throttled, or found no server.
REST_SECONDS = 10.0
# How long a task waits for one of too many workers to go. A session outlives its killed worker
# by the batch it was in.
ROOM_SECONDS = 5
LOOK_AGAIN = 0.5


@dataclass(frozen=True)
class Turn:
    """The message in the queue; JSON can carry its fields.

    Args:
        database: alias of the database whose rows are moved.
        backfill: its name.
        workers: how many there shall be at a time, whoever started them.
        failures: how many turns before this one, in a row, found no server.
    """

    database: str
    backfill: str
    workers: int
    failures: int = 0


def take(turn: Turn, enqueue: Callable[[Turn, float], None] | None) -> str:
    """Be a worker for `TASK_SECONDS`, have the successor enqueued, and say what became of it.

    Args:
        enqueue: puts a turn into the queue, to be taken after that many seconds. None where tasks
            run inside the call that enqueues them: then there is no successor, and this turn
            lasts until the backfill has ended.

    Raises:
        Refused: nothing can be done here; the message says why, and the log has it too.
    """
    try:
        return _take(turn, enqueue)
    except CommandError as refusal:
        logger.error("%s", refusal)
        raise


def _take(turn: Turn, enqueue: Callable[[Turn, float], None] | None) -> str:
    connection = _connection(turn)
    try:
        with direct(connection) as way:
            (backfill,) = registry.select(way, [turn.backfill])
            if backfill.status in UNFINISHED:
                if is_without_session(way, connection):
                    raise no_session(connection.alias, workers.NEED_SESSION)
                if not _finds_room(way, backfill, turn.workers):
                    return f"{turn.workers} workers are at it already"
                backfill = _work(way, backfill, conf.get("TASK_SECONDS") if enqueue else None)
    except (OperationalError, InterfaceError) as error:
        connection.close()
        if enqueue is None or not errors.is_lost_connection(error):
            raise
        enqueue(_after_failure(turn, error), REST_SECONDS)
        return f"no server: {error}"
    if enqueue is not None and backfill.status in UNFINISHED:
        enqueue(replace(turn, failures=0), REST_SECONDS if backfill.throttled_by else 0)
    return f"{backfill.status}, {backfill.rows_done} rows"


def _connection(turn: Turn) -> BaseDatabaseWrapper:
    if turn.database not in connections:
        raise Refused(
            f"Backfill {turn.backfill} is of database {turn.database!r}, which is not in the "
            "DATABASES of this worker. Run the worker with the settings of the command."
        )
    return connections[turn.database]


def _finds_room(connection: BaseDatabaseWrapper, backfill: Backfill, most: int) -> bool:
    """Whether fewer than `most` workers are at it, or one of them goes soon.

    It keeps the number of workers what it was asked to be when a task is delivered twice, each
    of the two having successors, and when the command is run again to replace lost ones.
    """
    give_up_at = time.monotonic() + ROOM_SECONDS
    while registry.workers_at(connection, backfill) >= most:
        if time.monotonic() > give_up_at:
            return False
        time.sleep(LOOK_AGAIN)
    return True


def _work(connection: BaseDatabaseWrapper, backfill: Backfill, seconds: float | None) -> Backfill:
    work = load_work(connection, backfill.name)
    with _set_after(seconds) as stop:

        def stop_when_paused(now: Backfill) -> None:
            if now.status == Status.PAUSED:
                stop.set()

        return workers.run(connection, backfill, work, progress=stop_when_paused, stop=stop)


@contextmanager
def _set_after(seconds: float | None) -> Iterator[Event]:
    """Yield an event that sets itself; never, if `seconds` is None."""
    event = Event()
    if seconds is None:
        yield event
        return
    timer = Timer(seconds, event.set)
    timer.start()
    try:
        yield event
    finally:
        timer.cancel()


def _after_failure(turn: Turn, error: Exception) -> Turn:
    """Return the turn to take after one that found no server."""
    if turn.failures * REST_SECONDS >= conf.get("LOCK_DEADLINE"):
        raise Refused(
            f"Backfill {turn.backfill} has found no server {turn.failures + 1} times in a row: "
            f"{error}. What it moved is safe; go on with: manage.py backfill {turn.backfill}"
        ) from error
    logger.warning("Backfill %s: no server, trying again later: %s", turn.backfill, error)
    return replace(turn, failures=turn.failures + 1)
