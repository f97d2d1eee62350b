"""All parts of the benchmark."""

from __future__ import annotations

from benchmarks.benchmark import Benchmark
from benchmarks.dual_write import backfills, writes

DUAL_WRITE = Benchmark(
    name="dual_write",
    description="writing a table whose columns are kept equal by triggers",
    size=300_000,
    parts={"writes": writes.measure, "backfills": backfills.measure},
)
