"""Workers in the tasks of a queue that the project has anyway: Celery's, or Django's own."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import django

from zero_downtime.errors import Refused
from zero_downtime.executors.turns import Turn


def queue(name: str) -> Callable[[Turn], None]:
    """Return the function that enqueues a turn; `name` is "celery" or "tasks".

    Neither library has to be there, so each is imported only when it is asked for.

    Raises:
        Refused: it is not there.
    """
    if name == "celery":
        if find_spec("celery") is None:
            raise Refused(
                "--executor celery needs Celery, which is not installed. "
                "Run: pip install 'django-zero-downtime[celery]'"
            )
        from zero_downtime.executors import celery_tasks

        return celery_tasks.enqueue
    if django.VERSION < (6, 0):
        raise Refused(
            f"--executor tasks needs Django 6.0 or newer, and this is {django.get_version()}. "
            "Use --executor celery, or leave the option out."
        )
    from zero_downtime.executors import django_tasks

    return django_tasks.enqueue
