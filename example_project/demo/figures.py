"""Counting requests."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from example_project.demo.reports import Report

RATE_WINDOW_SECONDS = 2.0


@dataclass
class Figures:
    """What the visitors saw in one stretch of time."""

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unfilled_reads: int = 0

    def add(self, report: Report) -> None:
        self.latencies += report.latencies
        self.errors += report.errors
        self.unfilled_reads += report.unfilled_reads

    @property
    def requests(self) -> int:
        return len(self.latencies)

    @property
    def slowest(self) -> float:
        """Seconds that the slowest request took."""
        return max(self.latencies, default=0.0)

    @property
    def p99(self) -> float:
        """Seconds in which 99 % of the requests were done."""
        ordered = sorted(self.latencies)
        return ordered[int(len(ordered) * 0.99)] if ordered else 0.0


class Rate:
    """Requests per second, lately."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, int]] = deque()

    def add(self, requests: int) -> None:
        self._recent.append((time.monotonic(), requests))

    def per_second(self) -> float:
        while self._recent and self._recent[0][0] < time.monotonic() - RATE_WINDOW_SECONDS:
            self._recent.popleft()
        return sum(requests for _, requests in self._recent) / RATE_WINDOW_SECONDS
