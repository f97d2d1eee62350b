"""What the demo found out, and whether it is good."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from example_project.demo.accounts import Comparison
from example_project.demo.figures import Figures
from example_project.demo.screen import Screen

ERRORS_SHOWN = 5


@dataclass(frozen=True)
class Verdict:
    """The figures of the whole demo.

    `columns` compares the old column with the new one, just before the contract; `ledger` compares
    every customer with what ought to be there, at the very end.
    """

    before: Figures
    during: Figures
    after: Figures
    columns: Comparison
    ledger: Comparison
    backfill_killed_at: float | None

    @property
    def requests(self) -> int:
        return sum(figures.requests for figures in self._stretches)

    @property
    def errors(self) -> list[str]:
        return [error for figures in self._stretches for error in figures.errors]

    @property
    def is_good(self) -> bool:
        """Whether nobody noticed, and nothing was lost."""
        compared = self.columns.rows and self.ledger.rows and self.requests
        return bool(compared) and not (
            self.errors or self.columns.differing or self.ledger.differing
        )

    @property
    def _stretches(self) -> tuple[Figures, Figures, Figures]:
        return self.before, self.during, self.after

    def show(self, screen: Screen) -> None:
        """Print it, line by line."""
        before, during, after = self._stretches
        screen.title("\nVerdict")
        screen.fact("requests served", f"{self.requests:,}")
        screen.check("errors", len(self.errors))
        for error in self.errors[:ERRORS_SHOWN]:
            screen.output(error)
        screen.fact(
            "slowest request",
            f"{milliseconds(during.slowest)} during the change, "
            f"{milliseconds(before.slowest)} before, {milliseconds(after.slowest)} after",
        )
        screen.fact(
            "99 % of the requests",
            f"within {milliseconds(during.p99)} during the change, "
            f"{milliseconds(before.p99)} before, {milliseconds(after.p99)} after",
        )
        if self.backfill_killed_at is not None:
            screen.fact("backfill killed", f"at {self.backfill_killed_at:.0%}, and started again")
        screen.fact("old and new column compared", f"{self.columns.rows:,} rows")
        screen.check("rows that differ", self.columns.differing)
        screen.fact("compared with what was written", f"{self.ledger.rows:,} rows")
        screen.check("rows that differ", self.ledger.differing)
        screen.conclude(self.is_good, "Nobody noticed." if self.is_good else "Somebody noticed.")

    def to_json(self) -> str:
        """Return the figures for programs."""
        figures = {
            "version": 1,
            "good": self.is_good,
            "requests": self.requests,
            "errors": self.errors,
            "slowest_seconds": {
                "before": self.before.slowest,
                "during": self.during.slowest,
                "after": self.after.slowest,
            },
            "unfilled_reads": self.during.unfilled_reads,
            "columns": asdict(self.columns),
            "ledger": asdict(self.ledger),
            "backfill_killed_at": self.backfill_killed_at,
        }
        return json.dumps(figures, indent=2)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
