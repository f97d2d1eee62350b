"""Rows with random keys, visited in the order of their keys, and in that in which they lie."""

from __future__ import annotations

from functools import partial

from benchmarks.backfill.contenders import engine
from benchmarks.backfill.customers import Customers
from benchmarks.backfill.runs import run_once
from benchmarks.benchmark import Options
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory

WALKS = {"by key": engine(1), "by place": engine(1, by_place=True)}
# A third of what 2,000,000 rows with their indexes take.
LITTLE_MEMORY = {"shared_buffers": "128MB"}


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Random keys: walked by key and by place; in memory, and on a server with little of that."""
    table = Customers(options.size, random_keys=True)
    with Laboratory(LITTLE_MEMORY) as forgetful:
        servers = {"in memory": laboratory, "little memory": forgetful}
        found = alternate(
            {
                f"{name}: {walk}": partial(run_once, server, table, contender)
                for name, server in servers.items()
                for walk, contender in WALKS.items()
            },
            options.runs,
        )
    for name in servers:
        found.compare("rows/s", f"{name}: by place", f"{name}: by key")
    return found
