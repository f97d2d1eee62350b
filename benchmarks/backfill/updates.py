"""Rows per second, server CPU and bloat of the ways to copy one column to another."""

from __future__ import annotations

from functools import partial

from benchmarks.backfill.contenders import Contender, engine, limit_loop, plain_update
from benchmarks.backfill.customers import Customers
from benchmarks.backfill.runs import run_once
from benchmarks.benchmark import Options
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory

CONTENDERS: dict[str, Contender] = {
    "plain UPDATE": plain_update,
    "LIMIT loop": limit_loop,
    "engine, 1 worker": engine(1),
    "engine, 2 workers": engine(2),
}


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Rows per second, server CPU and heap size: engine, plain UPDATE, LIMIT loop."""
    table = Customers(options.size)
    found = alternate(
        {
            name: partial(run_once, laboratory, table, contender)
            for name, contender in CONTENDERS.items()
        },
        options.runs,
    )
    found.compare("rows/s", "engine, 1 worker", "plain UPDATE", at_least=0.9)
    found.compare("rows/s", "engine, 2 workers", "plain UPDATE", at_least=1.3)
    found.compare("rows/s", "engine, 1 worker", "LIMIT loop", at_least=1.3)
    # "Constant": the last rows are moved at least nine tenths as fast as the first ones.
    found.judge("last/first tenth rows/s", "engine, 1 worker", at_least=0.9)
    found.judge("last/first tenth rows/s", "LIMIT loop")
    found.judge("heap after/before", "engine, 1 worker", at_most=1.3)
    found.judge("heap after/before", "engine, 2 workers", at_most=1.3)
    found.judge("heap after/before", "plain UPDATE")
    found.compare("server CPU us/row", "engine, 1 worker", "plain UPDATE")
    found.compare("server CPU us/row", "engine, 2 workers", "plain UPDATE")
    return found
