"""Running a benchmark, and telling what came out."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.benchmark import Benchmark, Options
from benchmarks.figures import Comparison, Findings, Measurement
from benchmarks.laboratory import Laboratory

REPORT_VERSION = 1
# Ratios are shown to a thousandth.
STEPS = 1000


def run(benchmark: Benchmark, options: Options, only: Sequence[str] | None, output: Path) -> None:
    """Measure the parts, print what each has found, and save it all in `output`.

    It is saved after every part: the last of them may be an hour away.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with Laboratory() as laboratory:
        document: dict[str, Any] = {
            "version": REPORT_VERSION,
            "benchmark": benchmark.name,
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "options": {benchmark.counted: options.size, "runs": options.runs},
            **laboratory.describe(),
            "load_average_before": os.getloadavg()[0],
            "parts": {},
        }
        print(json.dumps({key: document[key] for key in document if key != "parts"}, indent=2))
        for name in only or benchmark.parts:
            print(f"\n{name} ...", flush=True)
            findings = benchmark.parts[name](laboratory, options)
            print_findings(findings)
            document["parts"][name] = as_json(findings)
            output.write_text(json.dumps(document, indent=2) + "\n")
    print(f"\nSaved in {output}")


def as_json(findings: Findings) -> dict[str, Any]:
    """Return all that was found, unrounded."""
    return {
        "measurements": [{**asdict(m), "median": m.median} for m in findings.measurements],
        "comparisons": [{**asdict(c), "met": c.met} for c in findings.comparisons],
    }


def print_findings(findings: Findings) -> None:
    """Print medians with all the runs behind them, then the comparisons."""
    for measurement in findings.measurements:
        print(f"  {measurement_line(measurement)}")
    for comparison in findings.comparisons:
        print(f"  {comparison_line(comparison)}", flush=True)


def measurement_line(found: Measurement) -> str:
    runs = " ".join(f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for value in found.runs)
    return f"{found.subject:<34} {found.metric:<24} {found.median:>14,.3f}   of {runs}"


def comparison_line(comparison: Comparison) -> str:
    """Say the ratio and whether it is met; what is cut off never makes it look better."""
    if comparison.at_least is not None:
        bound, shown = f"at least {comparison.at_least:g}", _cut(comparison.ratio, math.floor)
    elif comparison.at_most is not None:
        bound, shown = f"at most {comparison.at_most:g}", _cut(comparison.ratio, math.ceil)
    else:
        return f"     {comparison.ratio:>9.3f}  {comparison.what}"
    verdict = "met" if comparison.met else "NOT MET"
    return f"  => {shown:>9.3f}  {comparison.what}  ({bound}: {verdict})"


def _cut(value: float, towards: Callable[[float], int]) -> float:
    return towards(value * STEPS) / STEPS
