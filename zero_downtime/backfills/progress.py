"""Showing how far a backfill is: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from typing import Protocol

from tqdm import tqdm

from zero_downtime.models import Backfill

SECONDS_BETWEEN_LOG_LINES = 5.0


class Stream(Protocol):
    """What of a text stream is needed here.

    Not Django's `OutputWrapper`: it ends every write with a newline and makes errors of them all.
    """

    def write(self, text: str, /) -> object:
        """Write `text`."""

    def flush(self) -> None:
        """Show what was written."""

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""


class ProgressBar:
    """A bar with rows, rate and time left."""

    def __init__(self, backfill: Backfill, stream: Stream) -> None:
        self.bar = tqdm(
            total=backfill.rows_estimated,
            initial=backfill.rows_done,
            desc=backfill.name,
            unit=" rows",
            unit_scale=True,
            file=stream,
        )

    def __call__(self, backfill: Backfill) -> None:
        """Show `backfill` as it is now."""
        # The total is an estimate: a bar must not stop at 99 % or run past its end.
        finished = backfill.status == Backfill.Status.SUCCEEDED
        if finished or backfill.rows_done > (self.bar.total or 0):
            self.bar.total = backfill.rows_done
        self.bar.set_postfix_str(_holding_back(backfill), refresh=False)
        self.bar.update(backfill.rows_done - self.bar.n)
        if not finished:
            self.bar.refresh()

    def close(self) -> None:
        """Leave the last state of the bar on the screen."""
        self.bar.close()


class ProgressLog:
    """A line every few seconds, for output that nobody overwrites."""

    def __init__(self, backfill: Backfill, stream: Stream) -> None:
        self.stream = stream
        self.next_line = time.monotonic() + SECONDS_BETWEEN_LOG_LINES

    def __call__(self, backfill: Backfill) -> None:
        """Write a line about `backfill` if it is time for one."""
        if time.monotonic() < self.next_line:
            return
        self.next_line = time.monotonic() + SECONDS_BETWEEN_LOG_LINES
        held = _holding_back(backfill)
        rate = backfill.rows_done / max(backfill.seconds_running, 1e-6)
        self.stream.write(
            f"{backfill.name}: {backfill.rows_done} of about {backfill.rows_estimated} rows, "
            f"{rate:.0f} rows/s{' ' if held else ''}{held}\n"
        )
        self.stream.flush()

    def close(self) -> None:
        """Nothing is left open."""


def _holding_back(backfill: Backfill) -> str:
    """Return why no rows are moved now; nothing if they are."""
    if backfill.status in (Backfill.Status.PAUSING, Backfill.Status.PAUSED):
        return f"({backfill.status})"
    return f"({backfill.throttled_by})" if backfill.throttled_by else ""


def progress_for(backfill: Backfill, stream: Stream) -> ProgressBar | ProgressLog:
    """Return the way of showing progress that suits `stream`."""
    return (ProgressBar if stream.isatty() else ProgressLog)(backfill, stream)
