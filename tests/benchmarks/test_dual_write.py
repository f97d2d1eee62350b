"""`python -m benchmarks dual_write`, with very few rows: what it says of itself, not how fast."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.test_backfill import benchmarks


def test_every_part_runs_and_is_saved(tmp_path: Path) -> None:
    output = tmp_path / "dual_write.json"
    benchmarks("dual_write", "--rows=200", "--runs=1", f"--output={output}")
    parts = json.loads(output.read_text())["parts"]
    assert parts.keys() == {"writes", "backfills"}
    for part in parts.values():
        assert part["comparisons"]
        assert {measurement["metric"] for measurement in part["measurements"]} >= {"rows/s"}
