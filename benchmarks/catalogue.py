"""All benchmarks, by name."""

from __future__ import annotations

from benchmarks.backfill.parts import BACKFILL
from benchmarks.benchmark import Benchmark

BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in [BACKFILL]}
