"""`manage.py backfill --executor tasks`, with Django's own Tasks framework."""

from __future__ import annotations

import django
import psycopg
import pytest

from tests.support.project import Project
from tests.support.witnessed_shop import (
    NAME,
    ROWS,
    SMALL_BATCHES,
    assert_every_row_was_moved_once,
    state,
)

TASKS = ("--executor", "tasks")
SHORT_TURNS = {**SMALL_BATCHES, "TASK_SECONDS": 0.2, "BATCH_PAUSE": 0.1}

with_tasks = pytest.mark.skipif(django.VERSION < (6, 0), reason="Django has no Tasks framework")

# The smallest queue that a process of its own can work off: a table.
BACKEND = """
    import json
    from django.db import connection
    from django.tasks.backends.base import BaseTaskBackend
    from django.tasks.base import TaskResult, TaskResultStatus
    from django.utils import timezone

    class Backend(BaseTaskBackend):
        supports_defer = True

        def enqueue(self, task, args, kwargs):
            self.validate_task(task)
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO queue (task, kwargs) VALUES (%s, %s)",
                    [task.module_path, json.dumps(kwargs)],
                )
            return TaskResult(
                task=task, id="1", status=TaskResultStatus.READY, enqueued_at=timezone.now(),
                started_at=None, last_attempted_at=None, finished_at=None, args=args,
                kwargs=kwargs, backend=self.alias, errors=[], worker_ids=[],
            )
"""
WORK_OFF = """
import json
from django.db import connection
from django.utils.module_loading import import_string

TAKE = "DELETE FROM queue WHERE id = (SELECT min(id) FROM queue) RETURNING task, kwargs"
while True:
    with connection.cursor() as cursor:
        cursor.execute(TAKE)
        row = cursor.fetchone()
    if row is None:
        break
    print(import_string(row[0]).call(**json.loads(row[1])))
"""


@with_tasks
def test_where_tasks_run_at_once_it_is_as_if_there_were_no_queue(shop: Project) -> None:
    result = shop.manage("backfill", *TASKS, "--workers", "2", settings=SHORT_TURNS)
    assert result.stdout == f"{NAME}: succeeded, {ROWS} rows\n"
    assert_every_row_was_moved_once(shop)


@with_tasks
def test_where_tasks_run_at_once_a_row_that_fails_is_shown(
    shop: Project, pg: psycopg.Connection
) -> None:
    pg.execute("ALTER TABLE shop_user ADD CONSTRAINT strict CHECK (full_name <> 'name 650')")
    result = shop.manage("backfill", *TASKS, check=False, settings=SMALL_BATCHES)
    assert result.returncode == 1
    assert f"Backfill {NAME} failed: at key 650: IntegrityError" in result.stderr
    assert state(shop)[:2] == ("failed", ROWS - 1)


@with_tasks
def test_with_a_queue_each_task_enqueues_its_successor(
    shop: Project, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE queue (id serial PRIMARY KEY, task text, kwargs text)")
    shop.write("shop/queue.py", BACKEND)
    shop.add_settings('TASKS = {"default": {"BACKEND": "shop.queue.Backend"}}')

    output = shop.manage("backfill", *TASKS).stdout
    assert output == f"{NAME}: 1 task enqueued; watch it with: manage.py backfill --list {NAME}\n"
    assert state(shop)[:2] == ("pending", 0)

    worked = shop.manage("shell", "--no-imports", "--command", WORK_OFF, settings=SHORT_TURNS)
    turns = worked.stdout.splitlines()
    assert len(turns) > 2
    assert turns[-1] == f"succeeded, {ROWS} rows"
    assert all(turn.startswith("running, ") for turn in turns[:-1])
    assert_every_row_was_moved_once(shop)


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="Django has a Tasks framework")
def test_an_older_django_is_told(shop: Project) -> None:
    result = shop.manage("backfill", *TASKS, check=False)
    assert (result.returncode, result.stderr) == (
        1,
        "Refused: --executor tasks needs Django 6.0 or newer, and this is "
        f"{django.get_version()}. Use --executor celery, or leave the option out.\n",
    )
