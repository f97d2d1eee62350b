"""All benchmarks, by name."""

from __future__ import annotations

from benchmarks.backfill.parts import BACKFILL
from benchmarks.benchmark import Benchmark
from benchmarks.dual_write.parts import DUAL_WRITE
from benchmarks.lint.parts import LINT
from benchmarks.migrate.parts import MIGRATE

BENCHMARKS: dict[str, Benchmark] = {
    benchmark.name: benchmark for benchmark in [BACKFILL, DUAL_WRITE, LINT, MIGRATE]
}
