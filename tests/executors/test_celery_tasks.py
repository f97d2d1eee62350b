"""`manage.py backfill --executor celery`, with Celery's own workers, which may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.executors.celery_shop import CeleryShop, write_celery
from tests.support.project import Project
from tests.support.sessions import holding
from tests.support.waiting import wait_for, wait_until_blocked
from tests.support.witnessed_shop import (
    HOLD_ROW_650,
    NAME,
    ROWS,
    SMALL_BATCHES,
    assert_every_row_was_moved_once,
    pid_of_worker,
    state,
)

SETTINGS = {**SMALL_BATCHES, "LOCK_TIMEOUT": 60}
# Many turns of a few batches each.
SHORT_TURNS = {**SMALL_BATCHES, "TASK_SECONDS": 0.2, "BATCH_PAUSE": 0.1}
CELERY = ("--executor", "celery")
DEADLINE = 60


@pytest.fixture
def celery(shop: Project) -> Iterator[CeleryShop]:
    with CeleryShop(shop) as celery:
        yield celery


def wait_for_status(project: Project, status: str) -> None:
    wait_for(lambda: state(project)[0] == status, f"the backfill to be {status}", DEADLINE)


def test_tasks_enqueue_their_successors_until_no_row_is_left(
    shop: Project, celery: CeleryShop
) -> None:
    output = shop.manage("backfill", *CELERY, "--workers", "2").stdout
    assert output == f"{NAME}: 2 tasks enqueued; watch it with: manage.py backfill --list {NAME}\n"
    assert state(shop)[:2] == ("pending", 0)

    for _ in range(2):
        celery.start_worker(SHORT_TURNS)

    wait_for_status(shop, "succeeded")
    assert_every_row_was_moved_once(shop)
    assert celery.messages() > 2
    again = shop.manage("backfill", *CELERY)
    assert again.stdout == "Nothing to do: no backfill is pending.\n"


def test_a_worker_that_is_killed_leaves_its_rows_to_the_other(
    shop: Project, celery: CeleryShop, pg: psycopg.Connection
) -> None:
    shop.manage("backfill", *CELERY, "--workers", "2")
    with holding(shop.database_url, HOLD_ROW_650):
        killed = celery.start_worker(SETTINGS)
        wait_until_blocked(pg, pid_of_worker(pg))
        celery.start_worker(SETTINGS)
        wait_for(lambda: state(shop)[1] == ROWS - 100, "the other to do the rest", DEADLINE)
        killed.kill()
        killed.wait()
    wait_for_status(shop, "succeeded")
    assert_every_row_was_moved_once(shop)


def test_a_task_that_is_lost_is_replaced_by_running_the_command_again(
    shop: Project, celery: CeleryShop, pg: psycopg.Connection
) -> None:
    shop.manage("backfill", *CELERY)
    with holding(shop.database_url, HOLD_ROW_650):
        killed = celery.start_worker(SETTINGS)
        wait_until_blocked(pg, pid_of_worker(pg))
        killed.kill()
        killed.wait()
    assert state(shop)[:2] == ("running", 600)
    assert celery.waiting() == 0

    shop.manage("backfill", *CELERY)
    celery.start_worker(SETTINGS)
    wait_for_status(shop, "succeeded")
    assert_every_row_was_moved_once(shop)


def test_messages_that_are_delivered_twice_move_no_row_twice(
    shop: Project, celery: CeleryShop
) -> None:
    shop.manage("backfill", *CELERY, "--workers", "2")
    for _ in range(2):
        celery.start_worker(SHORT_TURNS)
    for rows in (100, 300, 500):
        wait_for(lambda rows=rows: state(shop)[1] >= rows, f"{rows} rows", DEADLINE)  # type: ignore[misc]
        celery.deliver_again()
    wait_for_status(shop, "succeeded")
    assert_every_row_was_moved_once(shop)


def test_a_message_that_is_delivered_twice_adds_no_worker(
    shop: Project, celery: CeleryShop, pg: psycopg.Connection
) -> None:
    shop.manage("backfill", *CELERY)
    with holding(shop.database_url, HOLD_ROW_650):
        celery.start_worker(SETTINGS)
        wait_until_blocked(pg, pid_of_worker(pg))
        celery.deliver_again()
        other = celery.start_worker(SETTINGS)
        wait_for(lambda: "1 workers are at it already" in celery.log(other), "the end", DEADLINE)
        assert celery.messages() == 1
        assert state(shop)[:2] == ("running", 600)
    wait_for_status(shop, "succeeded")
    assert_every_row_was_moved_once(shop)


def test_a_paused_backfill_has_no_task_until_it_is_resumed_and_enqueued(
    shop: Project, celery: CeleryShop, pg: psycopg.Connection
) -> None:
    shop.manage("backfill", *CELERY)
    with holding(shop.database_url, HOLD_ROW_650):
        worker = celery.start_worker(SETTINGS)
        wait_until_blocked(pg, pid_of_worker(pg))
        assert shop.manage("backfill", "--pause", NAME).stdout == f"{NAME}: pausing\n"
    wait_for(lambda: "succeeded in" in celery.log(worker), "the task to end", DEADLINE)
    assert state(shop)[:2] == ("paused", 700)
    assert celery.messages() == 1

    resumed = shop.manage("backfill", "--resume", NAME).stdout
    assert resumed == f"{NAME}: pending; go on with: manage.py backfill {NAME}\n"
    shop.manage("backfill", NAME, *CELERY)
    wait_for_status(shop, "succeeded")
    assert_every_row_was_moved_once(shop)


def test_a_row_that_fails_ends_the_tasks_and_the_rest_is_moved(
    shop: Project, celery: CeleryShop, pg: psycopg.Connection
) -> None:
    pg.execute("ALTER TABLE shop_user ADD CONSTRAINT strict CHECK (full_name <> 'name 650')")
    shop.manage("backfill", *CELERY)
    celery.start_worker(SMALL_BATCHES)
    wait_for_status(shop, "failed")
    assert state(shop)[1:3] == (ROWS - 1, 1)
    assert celery.messages() == 1

    pg.execute("ALTER TABLE shop_user DROP CONSTRAINT strict")
    shop.manage("backfill", "--retry", NAME, *CELERY)
    wait_for_status(shop, "succeeded")
    assert_every_row_was_moved_once(shop)


def test_a_worker_whose_settings_lack_the_database_says_so(
    shop: Project, celery: CeleryShop
) -> None:
    shop.add_settings("DATABASES['archive'] = DATABASES['default']")
    shop.manage("backfill", "--database", "archive", *CELERY)
    shop.add_settings("del DATABASES['archive']")
    worker = celery.start_worker(SETTINGS)
    message = "is of database 'archive', which is not in the DATABASES of this worker"
    wait_for(lambda: message in celery.log(worker), "the message", DEADLINE)
    assert "Traceback" not in celery.log(worker)


def test_tasks_that_run_at_once_run_to_the_end(shop: Project) -> None:
    write_celery(shop, "")
    shop.add_settings("CELERY_TASK_ALWAYS_EAGER = True")
    result = shop.manage("backfill", *CELERY, "--workers", "2", settings=SHORT_TURNS)
    assert result.stdout == f"{NAME}: succeeded, {ROWS} rows\n"
    assert_every_row_was_moved_once(shop)


def test_without_celery_it_says_what_to_install(shop: Project) -> None:
    # How Python is told that there is no such module.
    shop.add_settings("import sys; sys.modules['celery'] = None")
    result = shop.manage("backfill", *CELERY, check=False)
    assert (result.returncode, result.stderr) == (
        1,
        "Refused: --executor celery needs Celery, which is not installed. "
        "Run: pip install 'django-zero-downtime[celery]'\n",
    )
    # Other queues import the tasks of all apps too.
    shop.manage("shell", "--command", "import zero_downtime.tasks")


@pytest.mark.parametrize(
    ("broker_url", "message"),
    [
        ("", "Celery has no broker_url: no Celery app of this project is loaded"),
        ("amqp://127.0.0.1:1//", "Celery's broker does not answer: "),
    ],
)
def test_without_a_broker_it_says_so_in_one_line(
    shop: Project, broker_url: str, message: str
) -> None:
    write_celery(shop, broker_url)
    result = shop.manage("backfill", *CELERY, check=False)
    assert result.returncode == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert state(shop)[:2] == ("pending", 0)
