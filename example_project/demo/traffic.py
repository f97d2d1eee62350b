"""The visitors of the shop, all of them, as seen from the demo."""

from __future__ import annotations

import queue
import subprocess
import tempfile
import threading
import time
from types import TracebackType
from typing import Self

from example_project.demo.figures import Figures, Rate
from example_project.demo.releases import Release
from example_project.demo.reports import Report


class VisitorProcess:
    """One process that runs `visit.py`; its reports arrive in `inbox`."""

    def __init__(
        self, release: Release, called: str, share: tuple[int, int, int], inbox: Inbox
    ) -> None:
        self.called = called
        self.inbox = inbox
        self.last_report_at = 0.0
        self.asked_to_stop = False
        self.complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as this
        self._process = release.start_module(
            "example_project.demo.visit",
            called,
            *map(str, share),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ask_to_stop(self) -> None:
        """Let it finish the request it is at, hand over its ledger, and end."""
        self.asked_to_stop = True
        self._close_stdin()

    def kill(self) -> None:
        """End it now, unless it has ended already."""
        self._process.kill()
        self._process.wait()
        self._close_stdin()
        self._reader.join()
        self.complaints.close()

    @property
    def ended(self) -> bool:
        """Whether it ended and all its reports are in the inbox."""
        return not self._reader.is_alive()

    def last_words(self) -> str:
        """Return the last line it wrote to standard error."""
        self.complaints.seek(0)
        return (self.complaints.read().strip() or "no message").splitlines()[-1]

    def _close_stdin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self.inbox.put((self, Report.from_json(line)))


Inbox = queue.Queue[tuple[VisitorProcess, Report]]


class Traffic:
    """Starts and stops visitors, and counts what they report.

    Reports are added to `figures`, which may be exchanged at any time. `ledger` is that of the
    visitors who stopped. `visitors` are those who are there; leaving the context kills them.
    """

    def __init__(self, expected: int, customers: int) -> None:
        self.figures = Figures()
        self.rate = Rate()
        self.ledger: dict[int, str | None] = {}
        # A name read as NULL is an error as soon as the backfill is said to be complete.
        self.backfilled = False
        self._expected = expected
        self._customers = customers
        self._started = 0
        self.visitors: list[VisitorProcess] = []
        self._inbox: Inbox = queue.Queue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for visitor in self.visitors:
            visitor.kill()

    def start(self, release: Release, called: str) -> VisitorProcess:
        """Let one more visitor use `release`."""
        share = (self._started, self._expected, self._customers)
        self._started += 1
        visitor = VisitorProcess(release, f"{called} {self._started}", share, self._inbox)
        self.visitors.append(visitor)
        return visitor

    def collect(self, timeout: float) -> None:
        """Take the reports that come within `timeout` seconds."""
        end = time.monotonic() + timeout
        while (remaining := end - time.monotonic()) > 0:
            try:
                visitor, report = self._inbox.get(timeout=remaining)
            except queue.Empty:
                break
            self._count(visitor, report)
        self._let_go()

    def have_all_reported_since(self, moment: float) -> bool:
        """Whether every visitor has reported what it did before `moment`."""
        return all(visitor.last_report_at > moment for visitor in self.visitors)

    def has_any_of(self, visitors: list[VisitorProcess]) -> bool:
        """Whether one of `visitors` is still there."""
        return any(visitor in self.visitors for visitor in visitors)

    def _count(self, visitor: VisitorProcess, report: Report) -> None:
        visitor.last_report_at = report.made_at
        self.rate.add(len(report.latencies))
        self.ledger |= report.ledger
        self.figures.add(report)
        if self.backfilled and report.unfilled_reads:
            self.figures.errors.append(
                f"{visitor.called}: {report.unfilled_reads} names were NULL after the backfill"
            )

    def _let_go(self) -> None:
        """Forget the visitors who are gone."""
        for visitor in [each for each in self.visitors if each.ended and self._inbox.empty()]:
            if not visitor.asked_to_stop:
                self.figures.errors.append(
                    f"{visitor.called}: the process died: {visitor.last_words()}"
                )
            visitor.kill()
            self.visitors.remove(visitor)
