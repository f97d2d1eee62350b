"""The batch loop."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from zero_downtime import conf
from zero_downtime.backfills import registry
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.pace import Pace
from zero_downtime.backfills.work import Work
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill
from zero_downtime.postgres import errors, sessions
from zero_downtime.postgres.locks import lock_timeout

logger = logging.getLogger("zero_downtime.backfills")

RECONNECT_DELAY = 0.5
LOCK_FAILURE_DELAY = 0.2


@dataclass
class BatchFailed(Exception):
    """A batch raised, and trying it again would not help."""

    keys: KeyRange
    error: Exception


class Runner:
    """Moves the rows of one backfill until none are left.

    The row of `zero_downtime.Backfill` is locked for the length of each batch and carries the
    cursor, so any number of runners of the same backfill may be at work: they take turns, and a
    batch and the cursor that says it is done commit or vanish together.

    Args:
        progress: called after every batch with the backfill as it was committed.
    """

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        backfill: Backfill,
        work: Work,
        progress: Callable[[Backfill], None] = lambda backfill: None,
    ) -> None:
        self.connection = connection
        self.backfill = backfill
        self.work = work
        self.progress = progress
        self.key = Key.of(connection, work.table)
        self.pace = Pace(work.batch_size)
        self.pause: float = conf.get("BATCH_PAUSE")
        self.last_progress = time.monotonic()

    def run(self) -> Backfill:
        """Run to the end and return the backfill, `succeeded` or `failed`.

        A lock timeout, a deadlock or a lost connection is waited out; any other error of a batch
        ends the run as `failed`, with the range and the error recorded.

        Raises:
            Refused: nothing could be done for as long as `LOCK_DEADLINE`.
        """
        while True:
            try:
                self._run_batches()
                return self.backfill
            except BatchFailed as failure:
                self._record_failure(failure)
                return self.backfill
            except (OperationalError, InterfaceError) as error:
                self._recover_from(error)

    def _run_batches(self) -> None:
        name = registry.worker_application(self.backfill)
        with sessions.application_name(self.connection, name):
            while self._run_batch():
                self.last_progress = time.monotonic()
                self.progress(self.backfill)
                time.sleep(self.pause)

    def _run_batch(self) -> bool:
        """Move the next range and its cursor in one transaction; return whether rows remain."""
        started = time.monotonic()
        with transaction.atomic(using=self.connection.alias):
            backfill = self._lock_row()
            if backfill.status == Backfill.Status.SUCCEEDED:
                self.backfill = backfill
                return False
            if backfill.last_key is None and self.work.leaves_new_rows:
                backfill.last_key = self.key.last(self.connection)
            keys = self.key.next_range(
                self.connection, backfill.cursor, self.pace.rows, backfill.last_key
            )
            if keys is None:
                self.work.finish(self.connection)
                backfill.status = Backfill.Status.SUCCEEDED
                backfill.finished_at = timezone.now()
            else:
                self._process(keys)
                backfill.status = Backfill.Status.RUNNING
                backfill.cursor = keys.upto
                backfill.rows_done += keys.rows
            backfill.error = ""
            backfill.seconds_running += time.monotonic() - started
            backfill.save(using=self.connection.alias)
        self.backfill = backfill
        if keys is not None:
            self.pace.observe(time.monotonic() - started)
        return keys is not None

    def _lock_row(self) -> Backfill:
        backfills = Backfill.objects.using(self.connection.alias).select_for_update()
        backfill = backfills.filter(pk=self.backfill.pk).first()
        if backfill is None:
            raise Refused(
                f"Backfill {self.backfill.name} is no longer registered: its migration has been "
                "unapplied. Nothing is left to do."
            )
        return backfill

    def _process(self, keys: KeyRange) -> None:
        try:
            # Clients wait for the rows that a batch has locked, so a batch must not wait long.
            with lock_timeout(self.connection, conf.get("LOCK_TIMEOUT")):
                self.work.process(self.connection, self.key, keys)
        except Exception as error:
            if errors.is_lock_failure(error) or errors.is_lost_connection(error):
                raise
            raise BatchFailed(keys, error) from error

    def _recover_from(self, error: Exception) -> None:
        """Get ready for another try after an error that says nothing about the rows."""
        if time.monotonic() - self.last_progress > conf.get("LOCK_DEADLINE"):
            raise Refused(
                f"Backfill {self.backfill.name} could not move a row for "
                f"{conf.get('LOCK_DEADLINE'):.0f} s: {error}. What it moved is safe; "
                f"go on with: manage.py backfill {self.backfill.name}"
            ) from error
        if errors.is_lock_failure(error):
            logger.info("Backfill %s: a batch found its rows locked.", self.backfill.name)
            self.pace.shrink()
            time.sleep(random.uniform(0, LOCK_FAILURE_DELAY))
        elif errors.is_lost_connection(error):
            logger.warning("Backfill %s: connection lost, connecting again.", self.backfill.name)
            self.connection.close()
            time.sleep(RECONNECT_DELAY)
        else:
            raise error

    def _record_failure(self, failure: BatchFailed) -> None:
        with transaction.atomic(using=self.connection.alias):
            backfill = self._lock_row()
            backfill.status = Backfill.Status.FAILED
            backfill.failed_batches += 1
            backfill.error = (
                f"{failure.keys}: {type(failure.error).__name__}: {str(failure.error).strip()}"
            )
            backfill.save(using=self.connection.alias)
        self.backfill = backfill
