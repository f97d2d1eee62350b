"""Turns as tasks of Celery. Import it only where Celery is installed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from celery import current_app, shared_task
from celery.result import EagerResult
from django.core.management.base import CommandError
from kombu.exceptions import OperationalError as BrokerError

from zero_downtime.errors import Refused
from zero_downtime.executors import turns
from zero_downtime.executors.turns import Turn

DAY = 24 * 3600


@shared_task(
    name="zero_downtime.backfill",
    bind=True,
    # Brokers that can then deliver the task of a lost machine again.
    acks_late=True,
    ignore_result=True,
    # Said in one line by `turns.take`; a traceback would not tell more.
    throws=(CommandError,),
    # A turn ends by itself. The project's own limits are made for other tasks, and Celery's way
    # of telling a task about the soft one is an exception: in a batch, it would pass for the
    # fault of a row.
    soft_time_limit=DAY,
    time_limit=DAY,
)
def backfill(self: Any, **turn: Any) -> str:
    """Take a turn; say in Celery's log what became of it."""
    return turns.take(Turn(**turn), None if self.request.is_eager else enqueue)


def enqueue(turn: Turn, delay: float = 0) -> None:
    """Put `turn` into the queue of the project's Celery app, for after `delay` seconds.

    Raises:
        Refused: there is no such app, or its broker does not answer.
    """
    settings = current_app.conf
    # Celery would go for RabbitMQ on this machine, and not say that nobody told it to.
    if not settings.broker_write_url and not settings.task_always_eager:
        raise Refused(
            "Celery has no broker_url: no Celery app of this project is loaded, or it leaves that "
            "open. Import the app in the project's __init__.py, and set its broker_url."
        )
    try:
        result = backfill.apply_async(kwargs=asdict(turn), countdown=delay or None)
    except BrokerError as error:
        raise Refused(
            f"Celery's broker does not answer: {error}. What backfill {turn.backfill} moved is "
            f"safe; go on with: manage.py backfill {turn.backfill} --executor celery"
        ) from error
    if isinstance(result, EagerResult):
        result.get()
