"""What free space in pages, indexes and random keys change."""

from __future__ import annotations

from functools import partial

from benchmarks.backfill.contenders import engine, plain_update
from benchmarks.backfill.customers import Customers
from benchmarks.backfill.runs import run_once
from benchmarks.benchmark import Options
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory

CONTENDERS = {"engine": engine(1), "plain UPDATE": plain_update}


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Free space in pages (HOT updates), an index on the column, uuid keys; for information."""
    half_empty = partial(Customers, options.size, fillfactor=45)
    tables = {
        "full pages": Customers(options.size),
        "free space": half_empty(),
        "free space, indexed": half_empty(target_indexed=True),
        "uuid keys": Customers(options.size, random_keys=True),
    }
    found = alternate(
        {
            f"{name}: {who}": partial(run_once, laboratory, table, contender)
            for name, table in tables.items()
            for who, contender in CONTENDERS.items()
        },
        options.runs,
    )
    for name in tables:
        found.compare("rows/s", f"{name}: engine", f"{name}: plain UPDATE")
    found.compare("rows/s", "free space: engine", "free space, indexed: engine")
    found.compare("rows/s", "free space: engine", "full pages: engine")
    found.compare("rows/s", "uuid keys: engine", "full pages: engine")
    return found
