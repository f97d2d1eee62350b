from __future__ import annotations

import io
import time

import pytest

from zero_downtime.backfills.progress import ProgressBar, ProgressLog, progress_for
from zero_downtime.models import Backfill

Status = Backfill.Status


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def backfill(rows_done: int = 0, status: Status = Status.RUNNING) -> Backfill:
    return Backfill(
        name="shop.0003",
        rows_done=rows_done,
        rows_estimated=1000,
        seconds_running=rows_done / 100,
        status=status,
    )


def test_a_terminal_gets_a_bar_and_a_file_gets_lines() -> None:
    assert isinstance(progress_for(backfill(), Terminal()), ProgressBar)
    assert isinstance(progress_for(backfill(), io.StringIO()), ProgressLog)


def last_line(terminal: io.StringIO) -> str:
    return terminal.getvalue().rstrip("\n").rpartition("\r")[2]


def test_a_bar_goes_from_where_an_earlier_run_stopped_to_the_end() -> None:
    terminal = Terminal()
    bar = ProgressBar(backfill(400), terminal)
    assert last_line(terminal).startswith("shop.0003:  40%")
    bar(backfill(900))
    bar(backfill(950, Status.SUCCEEDED))
    bar.close()
    assert last_line(terminal).startswith("shop.0003: 100%")
    assert "950/950" in last_line(terminal)


def test_a_bar_does_not_run_past_an_estimate_that_was_too_low() -> None:
    terminal = Terminal()
    bar = ProgressBar(backfill(), terminal)
    bar(backfill(3000))
    bar.close()
    assert "3.00k/3.00k" in last_line(terminal)


def test_lines_are_written_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 101.0, 105.0, 105.0, 105.1, 111.0, 111.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    file = io.StringIO()
    log = ProgressLog(backfill(), file)
    for rows in (100, 200, 300, 400):
        log(backfill(rows))
    log.close()
    assert file.getvalue() == (
        "shop.0003: 200 of about 1000 rows, 100 rows/s\n"
        "shop.0003: 400 of about 1000 rows, 100 rows/s\n"
    )
