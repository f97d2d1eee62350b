"""All parts of the benchmark."""

from __future__ import annotations

from benchmarks.benchmark import Benchmark
from benchmarks.migrate import noon, trivial

MIGRATE = Benchmark(
    name="migrate",
    description="running migrations",
    size=300,
    parts={"trivial": trivial.measure, "noon": noon.measure},
    counted="migrations",
)
