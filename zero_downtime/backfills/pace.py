"""How many rows the next batch should have."""

from __future__ import annotations

from zero_downtime import conf

FIRST_ROWS = 1_000


class Pace:
    """Steers the batch size towards a target duration.

    It grows gently and shrinks fast: a batch that is too small costs a little throughput, one
    that is too large holds row locks that clients wait for. Where they have waited once they may
    again, so from then on it keeps to a fraction of the target.

    Args:
        fixed_rows: the batch size that the work insists on, if it does.
    """

    MOST_GROWTH = 1.5
    MOST_SHRINKING = 0.25
    SHARE_AMONG_CLIENTS = 0.2

    def __init__(self, fixed_rows: int | None = None) -> None:
        self.fixed_rows = fixed_rows
        self.rows = FIRST_ROWS
        self.share_of_target = 1.0
        self.tune(None, None)

    def tune(self, batch_size: int | None, target_seconds: float | None) -> None:
        """Take what somebody asked for; where that is None, what the work or the settings say."""
        fixed_rows = batch_size or self.fixed_rows
        self.target_seconds: float = target_seconds or conf.get("BATCH_TARGET_SECONDS")
        self.min_rows: int = fixed_rows or conf.get("BATCH_MIN_ROWS")
        self.max_rows: int = fixed_rows or max(self.min_rows, conf.get("BATCH_MAX_ROWS"))
        self.rows = self._within_bounds(self.rows)

    def observe(self, rows: int, seconds: float) -> None:
        """Learn that a batch of that many rows took `seconds`."""
        fitting = rows * self.target_seconds * self.share_of_target / max(seconds, 1e-6)
        smallest, largest = self.rows * self.MOST_SHRINKING, self.rows * self.MOST_GROWTH
        self.rows = self._within_bounds(round(min(largest, max(smallest, fitting))))

    def make_way(self) -> None:
        """Take less at once, and for good: a client has waited for a row of the last batch."""
        self.share_of_target = self.SHARE_AMONG_CLIENTS
        self.shrink()

    def shrink(self) -> None:
        """Take less at once: the last batch could not get its row locks in time."""
        self.rows = self._within_bounds(round(self.rows * self.MOST_SHRINKING))

    def _within_bounds(self, rows: int) -> int:
        return min(self.max_rows, max(self.min_rows, rows))
