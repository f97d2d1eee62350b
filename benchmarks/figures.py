"""What was measured, and how it compares with what is wanted."""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# One run of one subject: the value of each metric.
Run = Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Measurement:
    """One metric of one subject, in every run, in the order of the runs."""

    subject: str
    metric: str
    runs: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)


@dataclass(frozen=True)
class Comparison:
    """A ratio of two medians. Without bounds it is only worth knowing."""

    what: str
    ratio: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the ratio, unrounded, is within its bound; None if it has none."""
        if self.at_least is not None:
            return self.ratio >= self.at_least
        if self.at_most is not None:
            return self.ratio <= self.at_most
        return None


@dataclass
class Findings:
    """What one part of a benchmark has found."""

    measurements: list[Measurement] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)

    def median(self, subject: str, metric: str) -> float:
        """Return the median over all runs."""
        (found,) = (m for m in self.measurements if (m.subject, m.metric) == (subject, metric))
        return found.median

    def compare(
        self,
        metric: str,
        subject: str,
        other: str,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Add the ratio of the subject's median to the other's.

        There is none where the other's is too small to be measured, as the time of a few rows is.
        """
        divisor = self.median(other, metric)
        if divisor == 0:
            return
        ratio = self.median(subject, metric) / divisor
        what = f"{metric}: {subject} / {other}"
        self.comparisons.append(Comparison(what, ratio, at_least, at_most))

    def judge(
        self,
        metric: str,
        subject: str,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """Add a metric that is a ratio itself."""
        ratio = self.median(subject, metric)
        self.comparisons.append(Comparison(f"{metric}: {subject}", ratio, at_least, at_most))


def alternate(subjects: Mapping[str, Run], rounds: int) -> Findings:
    """Run every subject once in each round, so that a busy minute of the machine meets them all.

    Each round begins with another subject, so that none always follows the same one.
    """
    seen: dict[tuple[str, str], list[float]] = defaultdict(list)
    names = list(subjects)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            print(f"  round {number + 1} of {rounds}: {name}", file=sys.stderr)
            for metric, value in subjects[name]().items():
                seen[name, metric].append(value)
    return Findings([Measurement(*key, runs) for key, runs in seen.items()])
