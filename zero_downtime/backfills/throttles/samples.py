"""What can be said of an age from looking at something that grows, time and again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """What was seen at a time, in seconds of any clock."""

    at: float
    position: int


class Samples:
    """Positions that a log had reached at some times, oldest first."""

    MOST = 1_000

    def __init__(self) -> None:
        self.seen: list[Sample] = []

    def add(self, at: float, position: int) -> None:
        """Remember that the log had reached `position` at the time `at`, which is now."""
        # Where a failover has lost the end of the log, the positions there will be used again.
        while self.seen and self.seen[-1].position > position:
            self.seen.pop()
        if len(self.seen) >= self.MOST:
            # The older they are, the less does it matter when exactly that was.
            self.seen = self.seen[::2]
        self.seen.append(Sample(at, position))

    def forget_before(self, at: float) -> None:
        """Forget what was seen earlier, but keep the latest of it: from there on it counts."""
        while len(self.seen) > 1 and self.seen[1].at <= at:
            self.seen.pop(0)

    def age_of(self, position: int) -> tuple[float, float]:
        """Return between which ages in seconds somebody is who has got to `position`.

        At least: the time since the log was first seen to be further. At most: the time since
        it was last seen not to be; infinity if it always was.
        """
        now = self.seen[-1].at
        at_least, at_most = 0.0, float("inf")
        for sample in reversed(self.seen):
            if sample.position <= position:
                at_most = now - sample.at
                break
            at_least = now - sample.at
        return at_least, at_most
