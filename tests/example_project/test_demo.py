"""The demo, short: few rows, and little time to measure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from devtools.database_url import with_database
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 300

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(server_url: str, tmp_path: Path) -> Iterator[Start]:
    """Start a demo on the test server."""
    started: list[subprocess.Popen[str]] = []
    # One that is killed cannot tidy up its folder.
    environment = {"DATABASE_URL": server_url, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "example_project.demo", "--seconds=1", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.communicate()


@pytest.fixture
def server(server_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server_url, autocommit=True) as connection:
        yield connection


def database_of(demo: subprocess.Popen[str]) -> str:
    return f"zero_downtime_demo_{demo.pid}"


def sessions_in(server: psycopg.Connection, database: str) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
    [(sessions,)] = server.execute(query, [database])
    return int(sessions)


def exists(server: psycopg.Connection, database: str) -> bool:
    query = "SELECT 1 FROM pg_database WHERE datname = %s"
    return server.execute(query, [database]).fetchone() is not None


def read_until(text: str, demo: subprocess.Popen[str]) -> None:
    """Wait until the demo prints a line with `text`."""
    assert demo.stdout is not None
    printed = []
    for line in demo.stdout:
        printed.append(line)
        if text in line:
            return
    raise AssertionError(f"The demo ended without {text!r}:\n{''.join(printed)}")


def finish(demo: subprocess.Popen[str], report: Path) -> dict[str, Any]:
    """Wait for the end of the demo and return its figures, with its `status` and `output`."""
    output, _ = demo.communicate(timeout=DEADLINE_SECONDS)
    assert report.exists(), output
    return {**json.loads(report.read_text()), "status": demo.returncode, "output": output}


def test_nobody_notices(start: Start, tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    figures = finish(start("--rows=5000", f"--json={report}"), report)

    assert figures["errors"] == []
    assert figures["requests"] > 500
    assert figures["columns"]["differing"] == 0
    assert figures["columns"]["rows"] >= 5000
    assert figures["ledger"]["differing"] == 0
    assert figures["ledger"]["rows"] >= 5000 - 100  # without the hot customers
    assert figures["backfill_killed_at"] is None
    assert figures["good"]
    assert figures["status"] == 0
    assert "Nobody noticed." in figures["output"]


def test_killing_the_backfill_changes_nothing(start: Start, tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    figures = finish(start("--rows=5000", "--kill-backfill", f"--json={report}"), report)

    assert 0.3 <= figures["backfill_killed_at"] < 1
    assert figures["errors"] == []
    assert figures["columns"]["differing"] == 0
    assert figures["ledger"]["differing"] == 0
    assert figures["good"]
    assert figures["status"] == 0


def test_a_row_that_nobody_wrote_is_noticed(
    start: Start, server: psycopg.Connection, server_url: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    demo = start("--rows=1000", f"--json={report}")
    read_until("Release 1 serves requests", demo)

    with psycopg.connect(with_database(server_url, database_of(demo))) as intruder:
        intruder.execute(
            "INSERT INTO shop_customer (name, email, phone, newsletter, created_at) "
            "VALUES ('Nobody', 'nobody@shop.example', '', false, now())"
        )
    figures = finish(demo, report)

    assert figures["ledger"]["differing"] == 1
    assert not figures["good"]
    assert figures["status"] == 1
    assert "Somebody noticed." in figures["output"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_demo_leaves_nothing_behind(
    number: signal.Signals, start: Start, server: psycopg.Connection
) -> None:
    demo = start("--rows=1000")
    read_until("$ python manage.py backfill", demo)
    assert exists(server, database_of(demo))

    demo.send_signal(number)
    output, _ = demo.communicate(timeout=DEADLINE_SECONDS)

    assert demo.returncode == 130
    assert "nothing is left running" in output
    # Dropped without force: so nobody was connected any more.
    assert not exists(server, database_of(demo))


def test_what_the_demo_started_ends_with_it(start: Start, server: psycopg.Connection) -> None:
    demo = start("--rows=1000")
    read_until("$ python manage.py backfill", demo)
    database = database_of(demo)
    assert sessions_in(server, database) > 1

    demo.kill()

    wait_for(lambda: sessions_in(server, database) == 0, "all sessions of the demo to end")
    server.execute(f"DROP DATABASE {database}")
