"""One measured run of one contender."""

from __future__ import annotations

import time

from benchmarks.backfill.contenders import Contender
from benchmarks.backfill.customers import Customers, check_filled, heap_bytes, hot_share
from benchmarks.laboratory import Laboratory


class Timeline:
    """When how many rows were done. It is the `progress` of a contender."""

    def __init__(self) -> None:
        self.points = [(time.perf_counter(), 0)]

    def __call__(self, rows: int) -> None:
        self.points.append((time.perf_counter(), rows))

    def moment(self, rows: float) -> float:
        """Return when that many rows were done, taking the pace within a batch as even."""
        previous_time, previous_rows = self.points[0]
        for moment, done in self.points[1:]:
            if done >= rows:
                share = (rows - previous_rows) / (done - previous_rows)
                return previous_time + share * (moment - previous_time)
            previous_time, previous_rows = moment, done
        return previous_time

    def last_tenth_to_first(self, rows: int) -> float:
        """Return the rate of the last tenth of the rows divided by that of the first."""
        first = self.moment(rows / 10) - self.moment(0)
        last = self.moment(rows) - self.moment(rows * 9 / 10)
        return first / last


def run_once(laboratory: Laboratory, table: Customers, contender: Contender) -> dict[str, float]:
    """Let the contender fill a fresh table, and return what that took."""
    with table.fresh(laboratory) as connection:
        heap_before = heap_bytes(connection)
        timeline = Timeline()
        with laboratory.stopwatch() as elapsed:
            contender(connection, timeline)
        check_filled(connection)
        figures = {
            **elapsed.figures(table.rows),
            "heap after/before": heap_bytes(connection) / heap_before,
            "HOT share": hot_share(connection),
        }
        if len(timeline.points) > 1:
            figures["last/first tenth rows/s"] = timeline.last_tenth_to_first(table.rows)
        return figures
