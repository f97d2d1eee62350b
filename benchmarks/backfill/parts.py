"""All parts of the benchmark."""

from __future__ import annotations

from benchmarks.backfill import latency, layouts, memory, python_values, statements, updates, walks
from benchmarks.benchmark import Benchmark

BACKFILL = Benchmark(
    name="backfill",
    description="filling a new column of a table with the values of another",
    size=2_000_000,
    parts={
        "updates": updates.measure,
        "python": python_values.measure,
        "memory": memory.measure,
        "latency": latency.measure,
        "layouts": layouts.measure,
        "walks": walks.measure,
        "statements": statements.measure,
    },
)
