"""The benchmark runs, and says what it is asked for; the figures of so few rows say nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures import Comparison, Findings, Measurement, alternate
from benchmarks.report import comparison_line

REPOSITORY = Path(__file__).resolve().parents[2]
ROWS = 3_000


def benchmarks(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    ended = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    return ended.stdout


def test_without_a_name_all_benchmarks_and_their_parts_are_listed() -> None:
    listed = benchmarks()
    assert "backfill: " in listed
    for part in ("updates", "python", "memory", "latency", "layouts", "walks", "statements"):
        assert f"    {part} " in listed


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `python -m benchmarks backfill` saves."""
    output = tmp_path_factory.mktemp("results") / "backfill.json"
    benchmarks("backfill", f"--rows={ROWS}", "--runs=1", f"--output={output}")
    report: dict[str, Any] = json.loads(output.read_text())
    return report


def test_the_report_says_on_what_it_was_measured(report: dict[str, Any]) -> None:
    assert (report["version"], report["benchmark"]) == (1, "backfill")
    assert report["options"] == {"rows": ROWS, "runs": 1}
    assert report["machine"]["cores"] >= 1
    assert set(report["versions"]) == {"postgresql", "python", "django", "psycopg"}
    assert report["server_settings"]["fsync"] == "on"
    assert report["server_settings"]["autovacuum"] == "on"


def test_every_measurement_has_its_runs_and_their_median(report: dict[str, Any]) -> None:
    for part in report["parts"].values():
        assert part["measurements"]
        for found in part["measurements"]:
            assert found["subject"]
            assert found["metric"]
            assert found["runs"] == [found["median"]]


def test_every_target_is_judged(report: dict[str, Any]) -> None:
    judged = [
        (name, comparison["what"])
        for name, part in report["parts"].items()
        for comparison in part["comparisons"]
        if comparison["met"] is not None
    ]
    assert ("updates", "rows/s: engine, 1 worker / plain UPDATE") in judged
    assert ("updates", "rows/s: engine, 2 workers / plain UPDATE") in judged
    assert ("updates", "rows/s: engine, 1 worker / LIMIT loop") in judged
    assert ("updates", "last/first tenth rows/s: engine, 1 worker") in judged
    assert ("updates", "heap after/before: engine, 1 worker") in judged
    assert ("python", "rows/s: update_rows / bulk_update") in judged
    assert ("memory", f"peak memory MiB: {ROWS:,} rows / 50,000 rows") in judged
    assert ("latency", "p99 ms: engine, 1 worker / no backfill") in judged


def test_the_subjects_take_turns_in_being_the_first() -> None:
    order: list[str] = []

    def run(name: str) -> dict[str, float]:
        order.append(name)
        return {"place": float(len(order))}

    found = alternate({name: partial(run, name) for name in "ab"}, 3)

    assert order == ["a", "b", "b", "a", "a", "b"]
    assert found.measurements[0] == Measurement("a", "place", [1, 4, 5])
    assert found.median("a", "place") == 4


def test_ratios_are_those_of_the_medians() -> None:
    found = Findings([Measurement("a", "m", [1, 2, 9]), Measurement("b", "m", [8, 4, 3])])
    found.compare("m", "a", "b", at_least=0.5)
    assert found.comparisons == [Comparison("m: a / b", 0.5, at_least=0.5)]


def test_rounding_makes_no_ratio_look_better() -> None:
    missed = comparison_line(Comparison("speed", 0.89996, at_least=0.9))
    assert "0.899 " in missed
    assert "NOT MET" in missed
    missed = comparison_line(Comparison("size", 1.30001, at_most=1.3))
    assert "1.301 " in missed
    assert "NOT MET" in missed
