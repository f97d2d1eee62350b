"""Turns as tasks of Django's own framework. Import it only with Django 6.0 or newer."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.tasks import TaskResultStatus, task
from django.tasks.backends.immediate import ImmediateBackend
from django.utils import timezone

from zero_downtime.errors import Refused
from zero_downtime.executors import turns
from zero_downtime.executors.turns import Turn


@task
def backfill(**turn: Any) -> str:
    """Take a turn; what became of it is the task's result."""
    immediate = isinstance(backfill.get_backend(), ImmediateBackend)
    return turns.take(Turn(**turn), None if immediate else enqueue)


def enqueue(turn: Turn, delay: float = 0) -> None:
    """Enqueue `turn` with the project's default backend, for after `delay` seconds.

    A backend that cannot defer tasks makes the caller wait for so long.

    Raises:
        Refused: the backend has run the task at once, and it failed.
    """
    later = backfill
    if delay and backfill.get_backend().supports_defer:
        later = backfill.using(run_after=timezone.now() + timedelta(seconds=delay))
    elif delay:
        time.sleep(delay)
    result = later.enqueue(**asdict(turn))
    if result.status == TaskResultStatus.FAILED:
        raise Refused(f"The task failed: {result.errors[-1].traceback.splitlines()[-1]}")
