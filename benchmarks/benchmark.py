"""What a benchmark consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.figures import Findings
from benchmarks.laboratory import Laboratory


@dataclass(frozen=True)
class Options:
    """How much there is of what the benchmark counts, and how often everything is measured."""

    size: int
    runs: int


# One part of a benchmark. The first line of its docstring is shown in the list of parts.
Part = Callable[[Laboratory, Options], Findings]


@dataclass(frozen=True)
class Benchmark:
    """Parts that are measured one after the other on one server.

    Args:
        size: how many rows its tables have, unless the command line says otherwise.
        counted: what these are, if not rows.
    """

    name: str
    description: str
    size: int
    parts: dict[str, Part]
    counted: str = "rows"
