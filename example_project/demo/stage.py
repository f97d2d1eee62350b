"""Where the story is told: one thing is done, the visitors go on, and the screen shows both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from example_project.demo.accounts import Accounts
from example_project.demo.commands import Command
from example_project.demo.releases import Release
from example_project.demo.screen import Screen
from example_project.demo.traffic import Traffic, VisitorProcess
from example_project.demo.verdict import milliseconds

TICK_SECONDS = 0.1
SECONDS_BETWEEN_COUNTS = 0.5


class StepFailedError(Exception):
    """The story cannot go on; the message says why."""


@dataclass
class Stage:
    """Does one thing at a time, and meanwhile counts requests and keeps the live line alive.

    `doing` is what the live line begins with. While `counts_filled`, it also tells how many of
    the customers have a `full_name`; `filled` is that part, from 0 to 1, as counted lately.
    """

    screen: Screen
    traffic: Traffic
    accounts: Accounts
    doing: str = ""
    counts_filled: bool = False
    filled: float = 0.0
    _next_count: float = 0.0

    def step(self, title: str, doing: str) -> None:
        """Begin a step."""
        self.screen.step(title)
        self.doing = doing

    def run(self, command: Command) -> None:
        """Show `command` and what it prints until it ends. Raises StepFailedError."""
        with command:
            self.show_until(lambda: False, command)
            if command.status != 0:
                raise StepFailedError(f"{command} ended with status {command.status}.")

    def run_until(self, happened: Callable[[], bool], command: Command) -> None:
        """Show `command` and what it prints until it ends or something `happened`; kill it."""
        with command:
            self.show_until(happened, command)

    def show_until(self, happened: Callable[[], bool], command: Command) -> None:
        self.screen.command(str(command))
        ended = False
        while not ended and not happened():
            ended = command.ended
            for line in command.take_lines():
                self.screen.output(line)
            self._tick()

    def start(self, release: Release, called: str, visitors: int) -> list[VisitorProcess]:
        """Let so many `visitors` use `release`, and wait until they do."""
        started = [self.traffic.start(release, called) for _ in range(visitors)]
        self.settle()
        return started

    def stop(self, visitors: list[VisitorProcess]) -> None:
        """Let `visitors` finish what they are doing, and take over their ledgers."""
        for visitor in visitors:
            visitor.ask_to_stop()
        self.watch_until(lambda: not self.traffic.has_any_of(visitors))

    def watch_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.watch_until(lambda: time.monotonic() >= end)

    def settle(self) -> None:
        """Wait until every request that began before now is counted."""
        now = time.monotonic()
        self.watch_until(lambda: self.traffic.have_all_reported_since(now))

    def watch_until(self, happened: Callable[[], bool]) -> None:
        while not happened():
            self._tick()

    def require_columns(self, *columns: str, otherwise: str) -> None:
        """Raise StepFailedError unless these of the two columns are there, and only these."""
        found = [name for name in ("name", "full_name") if self.accounts.has_column(name)]
        if found != list(columns):
            raise StepFailedError(f"{otherwise}: the table has {' and '.join(found)}.")

    def _tick(self) -> None:
        self.traffic.collect(TICK_SECONDS)
        if self.counts_filled and time.monotonic() >= self._next_count:
            self.filled = self.accounts.filled_share()
            self._next_count = time.monotonic() + SECONDS_BETWEEN_COUNTS
        if self.traffic.visitors and self.traffic.figures.requests:
            self.screen.live(self._live_line(), alarm=bool(self.traffic.figures.errors))

    def _live_line(self) -> str:
        figures = self.traffic.figures
        doing = f"{self.doing} {self.filled:.0%}" if self.counts_filled else self.doing
        return (
            f"{doing:<20}{self.traffic.rate.per_second():>6.0f} requests/s"
            f"{milliseconds(figures.slowest):>10} slowest{len(figures.errors):>5} errors"
        )
