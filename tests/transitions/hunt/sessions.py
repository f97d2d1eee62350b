"""Sessions that may have to wait for each other's locks, all of them led by one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import psycopg

T = TypeVar("T")

POLL_SECONDS = 0.001
DEADLINE_SECONDS = 20.0


class Session:
    """A connection in a thread of its own, which can wait while the leading thread goes on."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self.doing: Future[Any] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of its backend; None while it has none."""
        raise NotImplementedError

    @property
    def is_done(self) -> bool:
        """Whether it has done all that it has been told to."""
        return self.doing is None or self.doing.done()

    @property
    def is_busy(self) -> bool:
        """Whether it is at work, or waits for a lock."""
        return not self.is_done

    def abandon(self, observer: psycopg.Connection) -> None:
        """Disconnect, whatever it is doing, and end the thread."""
        if self.is_busy:
            terminate(self, observer)
        self._disconnect()
        self._thread.shutdown()

    def _disconnect(self) -> None:
        raise NotImplementedError

    def _begin(self, action: Callable[..., Any], *arguments: Any) -> None:
        self.doing = self._thread.submit(action, *arguments)

    def _result(self) -> Any:
        """Return, or raise, what came of what it was told to do."""
        assert self.doing
        return self.doing.result(DEADLINE_SECONDS)

    def _do(self, action: Callable[..., T], *arguments: Any) -> T:
        """Do what waits for nobody."""
        return self._thread.submit(action, *arguments).result(DEADLINE_SECONDS)


def settle(sessions: Sequence[Session], observer: psycopg.Connection) -> None:
    """Return when each session is done, or waits for one that is up to the leading thread.

    Those that wait for each other in a circle are not up to anybody but PostgreSQL, which will
    end one of them.
    """
    give_up_at = time.monotonic() + DEADLINE_SECONDS
    while doing := [each.doing for each in sessions if each.doing is not None and each.is_busy]:
        wait(doing, POLL_SECONDS, FIRST_COMPLETED)
        busy = {each.pid for each in sessions if each.is_busy}
        if busy <= _waiting_for_others(busy, observer):
            return
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"Backends {busy} go on and on.")


def _waiting_for_others(
    busy: Collection[int | None], observer: psycopg.Connection
) -> set[int | None]:
    """Return which of the backends wait, be it by way of others, for one that is not among them."""
    rows = observer.execute(
        "SELECT pid, pg_blocking_pids(pid) FROM unnest(%s::int[]) AS pid WHERE pid IS NOT NULL",
        [list(busy)],
    ).fetchall()
    waiting: set[int | None] = set()
    for _ in rows:
        waiting |= {pid for pid, blockers in rows if set(blockers) - (set(busy) - waiting)}
    return waiting


def terminate(session: Session, observer: psycopg.Connection) -> None:
    """Let the server end the session's backend, and wait until it is gone."""
    if session.pid is not None:
        observer.execute("SELECT pg_terminate_backend(%s, 9000)", [session.pid])
