"""Memory of the process that runs the engine."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from benchmarks.backfill.customers import Customers, check_filled
from benchmarks.benchmark import Options
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory
from tests.support.django_database import django_connected_to

SMALL_ROWS = 50_000


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Peak memory of the backfilling process, at all rows against 50,000."""
    tables = {f"{rows:,} rows": Customers(rows) for rows in (SMALL_ROWS, options.size)}
    found = alternate(
        {name: partial(peak, laboratory, table) for name, table in tables.items()}, options.runs
    )
    small, large = f"{SMALL_ROWS:,} rows", f"{options.size:,} rows"
    found.compare("peak memory MiB", large, small, at_most=1.1)
    return found


def peak(laboratory: Laboratory, table: Customers) -> dict[str, float]:
    """Let a process of its own fill a fresh table; return its peak memory."""
    with laboratory.fresh_database(table, table.build) as url:
        ended = subprocess.run(
            [sys.executable, "-m", "benchmarks.backfill.engine_process", url],
            stdout=subprocess.PIPE,
            check=True,
        )
        with django_connected_to(url) as connection:
            check_filled(connection)
    return {"peak memory MiB": int(ended.stdout) / 2**20}
