"""Wait for what happens, not for time to pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO, TypeVar

import psycopg

T = TypeVar("T")

DEADLINE_SECONDS = 20.0
POLL_SECONDS = 0.01


def wait_for(condition: Callable[[], T], what: str, deadline: float = DEADLINE_SECONDS) -> T:
    """Call ``condition`` until it returns something true, and return that.

    Raises TimeoutError, which says ``what`` was waited for, after ``deadline`` seconds.
    """
    give_up_at = time.monotonic() + deadline
    while not (result := condition()):
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"Waited {deadline:g} seconds for {what}.")
        time.sleep(POLL_SECONDS)
    return result


def wait_until_blocked(
    observer: psycopg.Connection, pid: int, deadline: float = DEADLINE_SECONDS
) -> list[int]:
    """Wait until the backend ``pid`` waits for a lock; return the backends that block it.

    ``observer`` is an autocommit connection that is not itself blocked.
    """

    def blockers() -> list[int]:
        row = observer.execute("SELECT pg_blocking_pids(%s)", [pid]).fetchone()
        assert row is not None
        found: list[int] = row[0]
        return found

    return wait_for(blockers, f"backend {pid} to be blocked", deadline)


def read_until(output: IO[str] | None, text: str) -> str:
    """Read lines of a process's output until one has ``text`` in it, and return that line."""
    assert output is not None
    seen = []
    for line in output:
        seen.append(line)
        if text in line:
            return line
    raise AssertionError(f"{text!r} is not in the output:\n{''.join(seen)}")
