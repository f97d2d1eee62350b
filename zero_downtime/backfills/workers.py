"""Several workers in one process."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event, Lock

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.throttles import configured_throttles
from zero_downtime.backfills.throttles.brake import Brake
from zero_downtime.backfills.work import Work
from zero_downtime.models import Backfill

# It carries the name by which others know that a worker is there.
NEED_SESSION = "a worker of a backfill needs one"

Progress = Callable[[Backfill], None]


def run(
    connection: BaseDatabaseWrapper,
    backfill: Backfill,
    work: Work,
    workers: int = 1,
    progress: Progress = lambda backfill: None,
    stop: Event | None = None,
) -> Backfill:
    """Let `workers` of this process move the rows, and return the backfill when they are done.

    They are threads, each with a connection of its own: the server does most of the work, and
    they wait for it. Python code that computes a lot gains more from several processes.

    Args:
        progress: called by one worker at a time.
        stop: when set, they stop after the batches they are in.

    Raises:
        Refused: a worker could do nothing for as long as `LOCK_DEADLINE`; the others stop too.
    """
    stop = stop or Event()
    brake = Brake(configured_throttles())
    if workers == 1:
        return Runner(connection, backfill, work, progress, brake, stop).run()
    in_turn = _InTurn(progress)
    # It would idle for as long as they are at work, and whatever happens meanwhile might end it.
    connection.close()

    def worker() -> Backfill:
        own_connection = connection.copy()
        connections[connection.alias] = own_connection
        try:
            return Runner(own_connection, backfill, work, in_turn, brake, stop).run()
        finally:
            own_connection.close()
            del connections[connection.alias]

    with ThreadPoolExecutor(workers, thread_name_prefix="backfill") as threads:
        try:
            for ended in as_completed([threads.submit(worker) for _ in range(workers)]):
                backfill = ended.result()
        except BaseException:
            stop.set()
            raise
    backfill.refresh_from_db(using=connection.alias)
    return backfill


class _InTurn:
    """Calls `progress` for one worker at a time, and never with fewer rows than before."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.lock = Lock()
        self.rows_done = 0

    def __call__(self, backfill: Backfill) -> None:
        with self.lock:
            if backfill.rows_done >= self.rows_done:
                self.rows_done = backfill.rows_done
                self.progress(backfill)
