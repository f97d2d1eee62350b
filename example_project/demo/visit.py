"""The process of one visitor: `python -m example_project.demo.visit CALLED INDEX VISITORS ROWS`.

Started in the folder of a release, so the shop it uses is that release's. It stops when its
standard input ends, and therefore also when the demo dies. On standard output it writes a line of
JSON every now and then: what `reports.py` reads.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

import django
from django.db import connection

from example_project.demo.reports import Report
from example_project.demo.sharing import Share

if TYPE_CHECKING:
    from example_project.demo.visitor import Visitor

SECONDS_BETWEEN_REPORTS = 0.2
SECONDS_BETWEEN_REQUESTS = 0.002


def main() -> None:
    called, *numbers = sys.argv[1:]
    django.setup()
    from example_project.demo.visitor import Visitor  # it imports models: only now

    connection.ensure_connection()  # like a server that is warm before it gets requests
    asked_to_stop = watch_standard_input()
    visitor = Visitor(called, Share(*map(int, numbers)))
    while not asked_to_stop.is_set():
        print(make_requests(visitor).to_json(), flush=True)
    print(Report(ledger=visitor.ledger).to_json(), flush=True)


def watch_standard_input() -> threading.Event:
    """Return an event that is set when standard input ends."""
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended


def make_requests(visitor: Visitor) -> Report:
    """Let `visitor` make requests until it is time for the next report."""
    report = Report()
    visitor.unfilled_reads = 0
    report_at = time.monotonic() + SECONDS_BETWEEN_REPORTS
    while (started_at := time.monotonic()) < report_at:
        try:
            visitor.visit()
        except Exception as error:  # whatever it is, a customer of the shop saw it
            report.errors.append(f"{visitor.called}: {type(error).__name__}: {error}".strip())
            connection.close()
        report.latencies.append(time.monotonic() - started_at)
        time.sleep(SECONDS_BETWEEN_REQUESTS)
    report.unfilled_reads = visitor.unfilled_reads
    report.made_at = time.monotonic()
    return report


if __name__ == "__main__":
    main()
