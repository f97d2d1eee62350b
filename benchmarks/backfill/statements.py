"""What the engine spends its time with."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.backfill.contenders import engine
from benchmarks.backfill.customers import Customers
from benchmarks.benchmark import Options
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory

# The first that occurs in a statement says what it is for.
PURPOSES = {
    "VACUUM": "vacuum",
    "zero_downtime_batch": "move the rows",
    "row_number()": "walk the keys",
    "": "bookkeeping",
}


class Purposes:
    """Counts the statements of a connection and their seconds, by purpose."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.statements: dict[str, int] = defaultdict(int)

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        purpose = next(purpose for text, purpose in PURPOSES.items() if text in sql)
        started = time.perf_counter()
        try:
            return execute(sql, *rest)
        finally:
            self.seconds[purpose] += time.perf_counter() - started
            self.statements[purpose] += 1


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Where the engine's time goes, statement by statement; for information."""
    table = Customers(options.size)
    return alternate({"engine, 1 worker": partial(spend, laboratory, table)}, options.runs)


def spend(laboratory: Laboratory, table: Customers) -> dict[str, float]:
    """Return the microseconds per row for each purpose, and the numbers of statements."""
    purposes = Purposes()
    with (
        table.fresh(laboratory) as connection,
        connection.execute_wrapper(purposes),
        laboratory.stopwatch() as elapsed,
    ):
        engine(1)(connection, lambda rows: None)
    figures = {f"{name}, us/row": s / table.rows * 1e6 for name, s in purposes.seconds.items()}
    rest = elapsed.seconds - sum(purposes.seconds.values())
    counts = {f"{name}, statements": float(n) for name, n in purposes.statements.items()}
    return {**figures, "commits and Python, us/row": rest / table.rows * 1e6, **counts}
