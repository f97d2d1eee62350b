"""What clients of the table notice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from benchmarks.backfill.contenders import Contender, Progress, engine, plain_update
from benchmarks.backfill.customers import Customers, check_filled
from benchmarks.benchmark import Options
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory
from tests.support.django_database import django_connected_to

CLIENTS = 2
WARM_UP_SECONDS = 1.0
# Requests that the end of a change has freed are answered in this time, and count.
SETTLE_SECONDS = 0.5
SHORT_SECONDS = 0.1
SHORT_BATCHES = f"engine, batches of {SHORT_SECONDS} s"
# They change no row.
CONTROLS = ("no backfill", "a busy core")
# Without a change, about as long as one takes.
ROWS_PER_QUIET_SECOND = 100_000


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Latency of single-row requests during the backfill, against without any."""
    table = Customers(options.size)
    seconds = max(1.0, table.rows / ROWS_PER_QUIET_SECOND)
    contenders: dict[str, Contender] = {
        "no backfill": partial(nothing, seconds=seconds),
        "a busy core": partial(keep_a_core_busy, seconds=seconds),
        "engine, 1 worker": engine(1),
        SHORT_BATCHES: with_short_batches(engine(1)),
        "plain UPDATE": plain_update,
    }
    found = alternate(
        {
            name: partial(latencies, laboratory, table, contender, name not in CONTROLS)
            for name, contender in contenders.items()
        },
        options.runs,
    )
    found.compare("p99 ms", "engine, 1 worker", "no backfill", at_most=2)
    for other in (SHORT_BATCHES, "a busy core", "plain UPDATE"):
        found.compare("p99 ms", other, "no backfill")
    return found


def nothing(connection: BaseDatabaseWrapper, progress: Progress, seconds: float) -> None:
    time.sleep(seconds)


def keep_a_core_busy(connection: BaseDatabaseWrapper, progress: Progress, seconds: float) -> None:
    """Compute in another process, and leave the database alone.

    What clients notice of that is the machine's share, where server and clients have few cores.
    """
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(seconds)
    finally:
        busy.kill()
        busy.wait()


def with_short_batches(contender: Contender) -> Contender:
    """Return the contender with batches that hold their row locks for a fifth of the time."""

    def run(connection: BaseDatabaseWrapper, progress: Progress) -> None:
        with override_settings(ZERO_DOWNTIME={"BATCH_TARGET_SECONDS": SHORT_SECONDS}):
            contender(connection, progress)

    return run


def latencies(
    laboratory: Laboratory, table: Customers, contender: Contender, fills: bool
) -> dict[str, float]:
    """Return the latencies of the requests while the contender is at work."""
    with laboratory.fresh_database(table, table.build) as url:
        clients = [start_client(url, table.rows) for _ in range(CLIENTS)]
        try:
            with django_connected_to(url) as connection:
                time.sleep(WARM_UP_SECONDS)
                began = time.monotonic()
                contender(connection, lambda rows: None)
                time.sleep(SETTLE_SECONDS)
                ended = time.monotonic()
                reports = [json.loads(client.communicate()[0]) for client in clients]
                if fills:
                    check_filled(connection)
        finally:
            for client in clients:
                client.kill()
                client.wait()
    served = [
        request for report in reports for request in report if began <= request["due"] < ended
    ]
    return summary(served, ended - began)


def start_client(url: str, rows: int) -> subprocess.Popen[str]:
    """Start a client; it is at work when this returns, until its standard input is closed."""
    client = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.backfill.client", url, str(rows)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    if client.stdout.readline() != "ready\n":
        raise RuntimeError("A client did not start.")
    return client


def summary(served: list[dict[str, Any]], seconds: float) -> dict[str, float]:
    everything = [request["seconds"] * 1000 for request in served]
    updates = [request["seconds"] * 1000 for request in served if request["kind"] == "UPDATE"]
    return {
        "p50 ms": percentile(everything, 50),
        "p99 ms": percentile(everything, 99),
        "max ms": max(everything),
        "UPDATEs only, p99 ms": percentile(updates, 99),
        "requests/s": len(served) / seconds,
    }


def percentile(values: list[float], percent: int) -> float:
    """Return the smallest of `values` that `percent` % of them do not exceed."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]
