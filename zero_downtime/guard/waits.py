"""How long a run has waited for locks, and how often it had to try again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from zero_downtime.signals import lock_retried


@dataclass
class Waits:
    """What went by while locks were not to be had."""

    seconds: float = 0.0
    """From the beginning of each try that failed to the beginning of the next one."""
    retries: int = 0

    def since(self, earlier: Waits) -> Waits:
        return Waits(self.seconds - earlier.seconds, self.retries - earlier.retries)

    def so_far(self) -> Waits:
        return Waits(self.seconds, self.retries)


@contextmanager
def counted(alias: str) -> Iterator[Waits]:
    """Count what is waited for on the database `alias` while in the block."""
    waits = Waits()

    def count(**signal: object) -> None:
        if signal["alias"] == alias:
            waits.seconds += float(signal["waited"])  # type: ignore[arg-type]
            waits.retries += 1

    lock_retried.connect(count)
    try:
        yield waits
    finally:
        lock_retried.disconnect(count)
