"""What a benchmark consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.figures import Findings
from benchmarks.laboratory import Laboratory


@dataclass(frozen=True)
class Options:
    """How many rows the tables have, and how often everything is measured."""

    rows: int
    runs: int


# One part of a benchmark. The first line of its docstring is shown in the list of parts.
Part = Callable[[Laboratory, Options], Findings]


@dataclass(frozen=True)
class Benchmark:
    """Parts that are measured one after the other on one server.

    Args:
        rows: of its tables, unless the command line says otherwise.
    """

    name: str
    description: str
    rows: int
    parts: dict[str, Part]
