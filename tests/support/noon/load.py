"""What goes on in the shop's database at noon."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import psycopg

from tests.support.noon.client import Request

# It reads both tables, and holds its locks and its snapshot until it ends.
REPORT = (
    "SELECT count(*), (SELECT pg_sleep(%s)) FROM shop_order "
    "JOIN shop_customer ON shop_customer.id = customer_id"
)


@dataclass
class Noon:
    """What went on; complete when `at_noon` has ended."""

    requests: list[Request] = field(default_factory=list)
    pings: list[float] = field(default_factory=list)
    """Seconds that the server took to answer what no lock is in the way of."""
    report_is_done: bool = False

    @property
    def longest_wait(self) -> float:
        """Seconds that the slowest request took."""
        return max(request.seconds for request in self.requests)

    @property
    def errors(self) -> list[str]:
        """What requests ended with that the server refused."""
        return [request.error for request in self.requests if request.error]


@contextmanager
def at_noon(
    url: str, customers: int, report_seconds: float, *, is_remembered: bool = True
) -> Iterator[Noon]:
    """Have clients read and write, a report run, and a transaction be forgotten meanwhile.

    The forgotten transaction has read both tables and is idle. It has begun before the report.

    Args:
        customers: how many there are.
        report_seconds: how long the report takes.
        is_remembered: whether the forgotten transaction is ended when the report is done, as
            somebody would who looks why nothing moves. Else it lasts until the block ends.
    """
    noon = Noon()
    with (
        # Nobody commits it: it may have been terminated.
        closing(psycopg.connect(url, autocommit=True, application_name="forgotten")) as forgotten,
        psycopg.connect(url, autocommit=True, application_name="report") as reporting,
        _clients(url, customers, noon),
    ):
        forgotten.execute("BEGIN; SELECT FROM shop_customer, shop_order LIMIT 1")

        def report() -> None:
            reporting.execute(REPORT, [report_seconds])
            noon.report_is_done = True
            if is_remembered:
                forgotten.execute("ROLLBACK")

        thread = threading.Thread(target=report)
        thread.start()
        try:
            yield noon
        finally:
            thread.join()


@contextmanager
def _clients(url: str, customers: int, noon: Noon) -> Iterator[None]:
    """Have clients at work; they are when this begins, and have been answered when it ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.noon.client", url, str(customers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("The clients did not start.")
        yield
        answers, _ = process.communicate()
        noticed = json.loads(answers)
        noon.requests += [Request(**request) for request in noticed["requests"]]
        noon.pings += noticed["pings"]
    finally:
        process.kill()
        process.wait()
