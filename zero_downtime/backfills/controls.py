"""What people may do to a backfill while workers are, or are not, at it.

Each control locks the backfill's row, which workers do between two batches, so it finds them
either before or after a batch, and two controls at the same time one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills import statuses
from zero_downtime.backfills.ledger import begin_again, somebody_is_at_work
from zero_downtime.backfills.statuses import Status
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill


@contextmanager
def _locked(connection: BaseDatabaseWrapper, backfill: Backfill) -> Iterator[Backfill]:
    with transaction.atomic(using=connection.alias):
        rows = Backfill.objects.using(connection.alias)
        yield rows.select_for_update().get(pk=backfill.pk)


def pause(connection: BaseDatabaseWrapper, backfill: Backfill) -> Backfill:
    """Let workers stop after the batch they are in and wait; at once `paused` if there are none."""
    with _locked(connection, backfill) as locked:
        at_work = somebody_is_at_work(connection, locked)
        return statuses.change(connection, locked, Status.PAUSING if at_work else Status.PAUSED)


def resume(connection: BaseDatabaseWrapper, backfill: Backfill) -> Backfill:
    """Let waiting workers go on, or others begin."""
    with _locked(connection, backfill) as locked:
        pausing = locked.status == Status.PAUSING
        if not pausing and locked.status != Status.PAUSED:
            raise Refused(f"Backfill {locked.name} is {locked.status}, not paused.")
        return statuses.change(connection, locked, Status.RUNNING if pausing else Status.PENDING)


def cancel(connection: BaseDatabaseWrapper, backfill: Backfill) -> Backfill:
    """Let workers stop for good after the batch they are in. What was moved stays moved."""
    with _locked(connection, backfill) as locked:
        return statuses.change(connection, locked, Status.CANCELLED)


def retry(connection: BaseDatabaseWrapper, backfill: Backfill) -> Backfill:
    """Take up again what failed or was cancelled, the rows that failed included."""
    with _locked(connection, backfill) as locked:
        if locked.status not in (Status.FAILED, Status.CANCELLED):
            raise Refused(f"Backfill {locked.name} is {locked.status}: there is nothing to retry.")
        statuses.change(connection, locked, Status.PENDING)
        # Only these: a worker may still be in a batch, and that range is locked.
        failed = locked.ranges.using(connection.alias).exclude(error="")
        if locked.file is not None and failed.exists():
            begin_again(connection, locked)  # the rows may have got other places meanwhile
            return locked
        failed.update(error="")
        locked.failed_batches = 0
        locked.error = ""
        locked.save(using=connection.alias, update_fields=["failed_batches", "error"])
        return locked


def start_over(connection: BaseDatabaseWrapper, backfill: Backfill) -> Backfill:
    """Let it begin at the first key again.

    Raises:
        Refused: a worker is at it.
    """
    with _locked(connection, backfill) as locked:
        if somebody_is_at_work(connection, locked):
            raise Refused(
                f"Backfill {locked.name} cannot start over while workers are at it. "
                f"Pause it first: manage.py backfill --pause {locked.name}"
            )
        if locked.status != Status.PENDING:
            statuses.change(connection, locked, Status.PENDING)
        locked.ranges.using(connection.alias).all().delete()
        locked.rows_done = 0
        locked.seconds_running = 0
        locked.verified = None
        locked.finished_at = None
        begin_again(connection, locked)
        return locked


def tune(
    connection: BaseDatabaseWrapper,
    backfill: Backfill,
    *,
    batch_size: int | None = None,
    target_seconds: float | None = None,
    max_rate: float | None = None,
) -> Backfill:
    """Change the pace, of workers that are at it too. What is None stays as it is.

    Args:
        batch_size: rows; 0 leaves it to the timing again.
        target_seconds: how long a batch should take; 0 for `BATCH_TARGET_SECONDS`.
        max_rate: rows per second of all workers together; 0 for no limit.
    """
    asked = {"batch_size": batch_size, "target_seconds": target_seconds, "max_rate": max_rate}
    changes = {name: value or None for name, value in asked.items() if value is not None}
    with _locked(connection, backfill) as locked:
        for name, value in changes.items():
            setattr(locked, name, value)
        locked.save(using=connection.alias, update_fields=list(changes))
        return locked
