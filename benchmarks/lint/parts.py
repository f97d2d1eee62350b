"""All parts of the benchmark."""

from __future__ import annotations

from benchmarks.benchmark import Benchmark
from benchmarks.lint import commands

LINT = Benchmark(
    name="lint",
    description="judging the migrations of a large project",
    size=1_000,
    parts={"commands": commands.measure, "peers": commands.measure_peers},
    counted="migrations",
)
