"""`manage.py backfill` for a shop of 1000 users whose backfill is registered and witnessed."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.databases import copied_database
from tests.support.project import Project
from tests.support.sessions import holding
from tests.support.shop import applied, write_rename, write_shop
from tests.support.waiting import wait_for, wait_until_blocked
from tests.support.witnessed_shop import (
    HOLD_ROW_650,
    LARGE,
    NAME,
    ROWS,
    SMALL_BATCHES,
    assert_every_row_was_moved_once,
    pid_of_worker,
    state,
    witnessed_shop,
)

VERIFIED = "SELECT verified FROM zero_downtime_backfill"


@pytest.fixture(scope="module")
def original(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with witnessed_shop(server_url, tmp_path_factory.mktemp("original")) as url:
        yield url


@pytest.fixture
def database_url(server_url: str, original: str) -> Iterator[str]:
    with copied_database(server_url, original) as url:
        yield url


@pytest.fixture
def shop(project: Project) -> Project:
    write_shop(project)
    write_rename(project)
    return project


def listed(project: Project, name: str = NAME) -> dict[str, Any]:
    document = json.loads(project.manage("backfill", name, "--list", "--json").stdout)
    assert document["version"] == 1
    (backfill,) = document["backfills"]
    assert isinstance(backfill, dict)
    return backfill


# Running


def test_all_rows_are_moved_and_then_nothing_is_left_to_do(shop: Project) -> None:
    result = shop.manage("backfill")
    assert result.stdout == f"{NAME}: succeeded, {ROWS} rows\n"
    assert_every_row_was_moved_once(shop)
    assert shop.manage("backfill").stdout == "Nothing to do: no backfill is pending.\n"


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_killed_in_a_batch_loses_that_batch_only(
    shop: Project, pg: psycopg.Connection, kill: signal.Signals
) -> None:
    settings = {**SMALL_BATCHES, "LOCK_TIMEOUT": 60}
    with holding(shop.database_url, HOLD_ROW_650):
        process = shop.start("backfill", settings=settings)
        wait_until_blocked(pg, pid_of_worker(pg))
        process.send_signal(kill)
        assert process.wait() == -kill
    assert state(shop) == ("running", 600, 0, "")

    shop.manage("backfill", settings=SMALL_BATCHES)

    assert_every_row_was_moved_once(shop)


def test_ctrl_c_finishes_the_batch_and_says_how_to_go_on(
    shop: Project, pg: psycopg.Connection
) -> None:
    with holding(shop.database_url, HOLD_ROW_650):
        process = shop.start("backfill", settings={**SMALL_BATCHES, "LOCK_TIMEOUT": 60})
        wait_until_blocked(pg, pid_of_worker(pg))
        process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert_stopped(process.returncode, stderr)
    assert state(shop)[:2] == ("running", 700)

    shop.manage("backfill", NAME)
    assert_every_row_was_moved_once(shop)


def test_ctrl_c_twice_breaks_the_batch_off(shop: Project, pg: psycopg.Connection) -> None:
    with holding(shop.database_url, HOLD_ROW_650):
        process = shop.start("backfill", settings={**SMALL_BATCHES, "LOCK_TIMEOUT": 60})
        wait_until_blocked(pg, pid_of_worker(pg))
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "Ctrl-C again breaks it off" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert_stopped(process.returncode, stderr)
    assert state(shop)[:2] == ("running", 600)

    shop.manage("backfill", NAME)
    assert_every_row_was_moved_once(shop)


def assert_stopped(returncode: int | None, stderr: str) -> None:
    assert returncode == 130
    assert stderr.endswith(
        f"Stopped. Every finished batch of {NAME} is safe; go on with: manage.py backfill {NAME}\n"
    )
    assert "Traceback" not in stderr


def test_two_commands_at_once_share_the_work(shop: Project) -> None:
    settings = {**SMALL_BATCHES, "BATCH_MIN_ROWS": 10, "BATCH_MAX_ROWS": 10}
    processes = [shop.start("backfill", settings=settings) for _ in range(2)]
    for process in processes:
        stdout, stderr = process.communicate()
        assert process.returncode == 0, stderr
        assert stdout in (
            f"{NAME}: succeeded, {ROWS} rows\n",
            "Nothing to do: no backfill is pending.\n",
        )
    assert_every_row_was_moved_once(shop)


def test_a_lost_connection_is_not_a_failure(shop: Project, pg: psycopg.Connection) -> None:
    with holding(shop.database_url, HOLD_ROW_650):
        process = shop.start("backfill", settings={**SMALL_BATCHES, "LOCK_TIMEOUT": 60})
        lost = pid_of_worker(pg)
        wait_until_blocked(pg, lost)
        pg.execute("SELECT pg_terminate_backend(%s, 10000)", [lost])
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "connection lost, connecting again" in stderr
    assert_every_row_was_moved_once(shop)


def test_a_row_that_fails_is_shown_and_the_rest_is_moved(
    shop: Project, pg: psycopg.Connection
) -> None:
    pg.execute("ALTER TABLE shop_user ADD CONSTRAINT strict CHECK (full_name <> 'name 650')")

    result = shop.manage("backfill", check=False, settings=SMALL_BATCHES)

    assert result.returncode == 1
    problem = "key 650: IntegrityError: new row for relation"
    assert f"Backfill {NAME} failed: at {problem}" in result.stderr
    assert f"run: manage.py backfill --retry {NAME}" in result.stderr
    assert "Traceback" not in result.stderr
    shown = shop.manage("backfill", "--list").stdout
    assert f"{NAME}  failed  {ROWS - 1}/" in shown
    assert f"1 rows failed, the first at {problem}" in shown
    backfill = listed(shop)
    assert (backfill["status"], backfill["rows_done"]) == ("failed", ROWS - 1)
    assert backfill["failed_batches"] == 1
    assert backfill["error"].startswith(problem)

    again = shop.manage("backfill", check=False)
    assert again.returncode == 1
    assert f"Backfill {NAME} failed: at {problem}" in again.stderr

    pg.execute("ALTER TABLE shop_user DROP CONSTRAINT strict")
    shop.manage("backfill", "--retry", NAME)
    assert_every_row_was_moved_once(shop)


# Controlling


def test_a_backfill_is_paused_and_resumed_while_a_worker_is_at_it(
    shop: Project, pg: psycopg.Connection
) -> None:
    with holding(shop.database_url, HOLD_ROW_650):
        process = shop.start("backfill", settings={**SMALL_BATCHES, "LOCK_TIMEOUT": 60})
        wait_until_blocked(pg, pid_of_worker(pg))
        assert shop.manage("backfill", "--pause", NAME).stdout == f"{NAME}: pausing\n"
        assert state(shop)[:2] == ("pausing", 600)
    wait_for(lambda: state(shop)[0] == "paused", "the worker to finish its batch")
    assert state(shop)[:2] == ("paused", 700)
    assert shop.manage("backfill").stdout == "Nothing to do: no backfill is pending.\n"
    named = shop.manage("backfill", NAME, check=False)
    assert named.returncode == 1
    assert f"is paused. Go on with: manage.py backfill --resume {NAME}" in named.stderr
    assert process.poll() is None

    assert shop.manage("backfill", "--resume", NAME).stdout == f"{NAME}: pending\n"
    process.communicate()
    assert process.returncode == 0
    assert_every_row_was_moved_once(shop)


def test_a_backfill_is_cancelled_and_taken_up_again(shop: Project, pg: psycopg.Connection) -> None:
    with holding(shop.database_url, HOLD_ROW_650):
        process = shop.start("backfill", settings={**SMALL_BATCHES, "LOCK_TIMEOUT": 60})
        wait_until_blocked(pg, pid_of_worker(pg))
        assert shop.manage("backfill", "--cancel", NAME).stdout == f"{NAME}: cancelled\n"
    stdout, _ = process.communicate()
    assert (process.returncode, stdout) == (0, f"{NAME}: cancelled, 700 rows\n")
    assert shop.manage("backfill").stdout == "Nothing to do: no backfill is pending.\n"
    assert state(shop)[:2] == ("cancelled", 700)

    shop.manage("backfill", "--retry", NAME)
    assert_every_row_was_moved_once(shop)


def test_what_makes_no_sense_is_refused(shop: Project) -> None:
    for option, message in {
        "--resume": f"Backfill {NAME} is pending, not paused.",
        "--retry": f"Backfill {NAME} is pending: there is nothing to retry.",
    }.items():
        result = shop.manage("backfill", option, NAME, check=False)
        assert (result.returncode, result.stderr) == (1, f"Refused: {message}\n")
    assert state(shop)[0] == "pending"


def test_the_pace_is_changed_while_a_worker_is_at_it(shop: Project, pg: psycopg.Connection) -> None:
    with holding(shop.database_url, HOLD_ROW_650):
        process = shop.start("backfill", settings={**SMALL_BATCHES, "LOCK_TIMEOUT": 60})
        wait_until_blocked(pg, pid_of_worker(pg))
        tuned = shop.manage("backfill", "--tune", "--batch-size", "150", NAME)
        assert tuned.stdout == f"{NAME}: batches of 150 rows\n"
    process.communicate()
    assert_every_row_was_moved_once(shop)
    sizes = shop.rows("SELECT count(*) FROM witness GROUP BY xmin ORDER BY min(id)")
    assert sizes == [(100,)] * 7 + [(150,)] * 2


def test_several_workers_of_one_command(shop: Project) -> None:
    result = shop.manage("backfill", "--workers", "3", "--batch-size", "20")
    assert result.stdout == f"{NAME}: succeeded, {ROWS} rows\n"
    assert_every_row_was_moved_once(shop)


# Looking


def test_the_listing_for_programs(shop: Project) -> None:
    backfill = listed(shop)
    assert set(backfill) == {
        "name",
        "database",
        "table",
        "status",
        "rows_done",
        "rows_estimated",
        "rate",
        "eta_seconds",
        "workers",
        "throttled_by",
        "failed_batches",
        "verified",
    }
    assert backfill.pop("rows_estimated") > 0
    assert backfill == {
        "name": NAME,
        "database": "default",
        "table": "shop_user",
        "status": "pending",
        "rows_done": 0,
        "rate": None,
        "eta_seconds": None,
        "workers": 0,
        "throttled_by": None,
        "failed_batches": 0,
        "verified": None,
    }


def test_the_listing_shows_a_worker_at_work(shop: Project, pg: psycopg.Connection) -> None:
    with holding(shop.database_url, HOLD_ROW_650):
        process = shop.start("backfill", settings={**SMALL_BATCHES, "LOCK_TIMEOUT": 60})
        wait_until_blocked(pg, pid_of_worker(pg))
        backfill = listed(shop)
    process.communicate()
    assert (backfill["status"], backfill["workers"]) == ("running", 1)
    assert backfill["rows_done"] == 600
    assert backfill["rate"] > 0
    assert backfill["eta_seconds"] is not None


def test_a_terminal_gets_one_line_that_changes(shop: Project) -> None:
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "backfill"],
        cwd=shop.directory,
        env=shop.environment({**SMALL_BATCHES, "BATCH_PAUSE": 0.05}),
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    )
    os.close(terminal)
    shown = read_all(controller)
    assert process.wait() == 0
    lines = [line for line in shown.split("\n") if line.strip()]
    assert len(lines) == 1, shown
    states = re.findall(r"\r" + re.escape(NAME) + r": +(\d+)%", shown)
    assert len(states) > 2
    assert states[0] == "0"
    assert states[-1] == "100"


def read_all(controller: int) -> str:
    """Read what a terminal was sent, until nobody has it open any more."""
    shown = b""
    try:
        while chunk := os.read(controller, 65536):
            shown += chunk
    except OSError:  # how Linux says that the other side is closed
        pass
    finally:
        os.close(controller)
    return shown.decode()


def test_a_dry_run_tells_and_changes_nothing(shop: Project) -> None:
    shown = shop.manage("backfill", "--dry-run").stdout
    assert shown.startswith(f"{NAME}  pending  table shop_user\n  about ")
    assert "with one worker" in shown
    assert state(shop)[:2] == ("pending", 0)
    assert shop.rows("SELECT count(*) FROM witness") == [(0,)]


# Names


def test_an_unknown_name_gets_one_line_with_the_closest_one(shop: Project) -> None:
    result = shop.manage("backfill", "shop.0003_rename_name_backfil", check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert f"Did you mean '{NAME}'?" in result.stderr


def test_a_backfill_of_another_release_is_named_and_the_others_run(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute(
            'INSERT INTO zero_downtime_backfill (name, "table", status, rows_done, '
            "rows_estimated, seconds_running, failed_batches, error, throttled_by, created_at) "
            "VALUES ('shop.0001_gone', 'shop_user', 'pending', 0, 0, 0, 0, '', '', '2000-01-01')"
        )
    result = shop.manage("backfill", check=False)
    assert result.returncode == 1
    assert "Backfill shop.0001_gone is registered in the database" in result.stderr
    assert "Run it with the release that brought it" in result.stderr
    assert_every_row_was_moved_once(shop)


# Comparing


def test_rows_that_differ_are_found_and_made_equal(shop: Project, pg: psycopg.Connection) -> None:
    shop.manage("backfill")
    assert shop.manage("backfill", "--verify").stdout == (
        f"{NAME}: {ROWS} rows compared, none differ\n"
    )
    assert shop.rows(VERIFIED) == [(True,)]
    pg.execute("ALTER TABLE shop_user DISABLE TRIGGER USER")
    pg.execute("UPDATE shop_user SET full_name = NULL WHERE id = 3")
    pg.execute("UPDATE shop_user SET full_name = 'x' WHERE id IN (40, 5)")
    pg.execute("ALTER TABLE shop_user ENABLE TRIGGER USER")

    result = shop.manage("backfill", "--verify", check=False)
    assert result.returncode == 1
    assert result.stdout == f"{NAME}: 3 of {ROWS} rows differ (keys 3, 5, 40)\n"
    assert f"manage.py backfill {NAME} --repair" in result.stderr
    assert shop.rows(VERIFIED) == [(False,)]

    shop.manage("backfill", NAME, "--repair")
    assert shop.manage("backfill", "--verify").returncode == 0
    assert shop.rows("SELECT full_name FROM shop_user WHERE id IN (3, 5)") == [
        ("name 3",),
        ("name 5",),
    ]


def test_after_the_contract_there_is_nothing_to_compare_and_nothing_to_repair(
    shop: Project, pg: psycopg.Connection
) -> None:
    shop.manage("backfill")
    pg.execute("DROP TRIGGER witness ON shop_user")
    shop.manage("migrate", settings=LARGE)
    assert applied(shop)[-1] == "0004"
    for action in ("--verify", "--repair"):
        shop.manage("backfill", action)
        named = shop.manage("backfill", NAME, action, check=False)
        assert named.returncode == 1
        assert "is contracted: only one side is left" in named.stderr
    assert state(shop)[0] == "succeeded"
    assert shop.manage("backfill").stdout == "Nothing to do: no backfill is pending.\n"
