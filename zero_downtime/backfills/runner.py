"""The batch loop of one worker."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from django.db import InterfaceError, OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf, signals
from zero_downtime.backfills import registry
from zero_downtime.backfills.keys import KeyRange
from zero_downtime.backfills.ledger import Ledger
from zero_downtime.backfills.pace import Pace
from zero_downtime.backfills.physical import walk_of
from zero_downtime.backfills.statuses import Status
from zero_downtime.backfills.throttles.brake import Brake
from zero_downtime.backfills.work import Work
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill, BackfillRange
from zero_downtime.postgres import errors, sessions, vacuum
from zero_downtime.postgres.locks import lock_timeout, somebody_waits_for_us, wait_for_writers

logger = logging.getLogger("zero_downtime.backfills")

RECONNECT_DELAY = 0.5
LOCK_FAILURE_DELAY = 0.2
# How often a worker that has nothing to do, or holds back, looks whether that has changed.
LOOK_AGAIN = 1.0


@dataclass
class BatchFailed(Exception):
    """A batch raised, and trying the same rows again would not help."""

    lease: BackfillRange
    keys: KeyRange
    error: Exception


class Runner:
    """One worker: moves rows of one backfill until none are left for it.

    Any number of them may be at work, on any number of machines; see `ledger`.

    Args:
        progress: called after every batch, and while holding back, with the backfill as it was
            committed.
        brake: asked before every batch; it never holds if left out.
        stop: when set, the worker stops after the batch it is in.
    """

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        backfill: Backfill,
        work: Work,
        progress: Callable[[Backfill], None] = lambda backfill: None,
        brake: Brake | None = None,
        stop: Event | None = None,
    ) -> None:
        self.connection = connection
        self.backfill = backfill
        self.work = work
        self.progress = progress
        self.brake = brake or Brake([])
        self.stop = stop or Event()
        self.key = walk_of(connection, backfill)
        self.ledger = Ledger(connection, backfill, self.key, work)
        self.pace = Pace(work.batch_size)
        self.pause: float = conf.get("BATCH_PAUSE")
        self.last_progress = time.monotonic()
        # The ranges whose rows were locked by somebody when they had their turn: others come first.
        self.postponed: list[int] = []

    def run(self) -> Backfill:
        """Run until the backfill has ended, or `stop` is set, and return it.

        A lock timeout, a deadlock or a lost connection is waited out. A batch that fails in any
        other way is halved until the rows that cannot be moved are set aside one by one, with
        their keys and errors; when all others are done, the backfill is `failed`.

        Raises:
            Refused: nothing could be done for as long as `LOCK_DEADLINE`.
        """
        while not self.stop.is_set():
            try:
                self._work_until_the_end()
                break
            except (OperationalError, InterfaceError) as error:
                self._recover_from(error)
        return self.backfill

    def _work_until_the_end(self) -> None:
        name = registry.worker_application(self.backfill)
        with sessions.application_name(self.connection, name):
            self._wait_for_unseen_rows()
            while not self.stop.is_set() and self._take_a_step():
                self.last_progress = time.monotonic()

    def _wait_for_unseen_rows(self) -> None:
        """Let those finish who have inserted rows that nobody else can see yet.

        Their keys may be passed before they commit. A trigger would have taken care of them. Once
        another worker is at it this has been done, and its batches would be waited for as well.
        """
        if self.work.leaves_new_rows:
            return
        stored = Backfill.objects.using(self.connection.alias).filter(pk=self.backfill.pk)
        if stored.filter(cursor=None).exists():
            wait_for_writers(self.connection, self.work.table)

    def _take_a_step(self) -> bool:
        """Move some rows, or wait for a reason; return whether there may be more to do."""
        reason = self.brake.reason(self.connection, self.work.table)
        if reason is not None and self.ledger.is_wanted():
            self._hold_back(reason)
            return True
        handout = self.ledger.hand_out(self.pace.rows, self.postponed)
        self._look_at(handout.backfill)
        if handout.range is not None:
            asked_at = time.monotonic()
            self._move(handout.range, handout.rows)
            at_rate = handout.seconds_at_rate - (time.monotonic() - asked_at)
            self.stop.wait(max(self.pause, at_rate, 0))
        elif self.backfill.status == Status.RUNNING:
            self.ledger.wait_for_others(LOOK_AGAIN)
        elif self.backfill.status in (Status.PAUSING, Status.PAUSED):
            self.progress(self.backfill)
            self.stop.wait(LOOK_AGAIN)
        else:
            signals.backfill_ended.send(Backfill, backfill=self.backfill)
            return False
        return True

    def _look_at(self, backfill: Backfill) -> None:
        """Learn what somebody may have changed meanwhile, the pace among it."""
        self.backfill = backfill
        self.pace.tune(backfill.batch_size, backfill.target_seconds)
        if backfill.throttled_by:
            self._note_throttled("")

    def _hold_back(self, reason: str) -> None:
        self._note_throttled(reason)
        self.progress(self.backfill)
        self.stop.wait(LOOK_AGAIN)

    def _note_throttled(self, reason: str) -> None:
        if reason != self.backfill.throttled_by:
            self.backfill.throttled_by = reason
            self.backfill.save(using=self.connection.alias, update_fields=["throttled_by"])

    def _move(self, handed_out: BackfillRange, rows: int) -> None:
        if handed_out.pk in self.postponed:  # there are no others: all of them have another turn
            self.postponed.clear()
        try:
            moved = self._run_batch(handed_out, rows)
        except OperationalError as error:
            if errors.is_lock_failure(error):
                self.postponed.append(handed_out.pk)
            raise
        except BatchFailed as failure:
            logger.info("Backfill %s: %s: %s", self.backfill.name, failure.keys, failure.error)
            self.ledger.divide(failure.lease, failure.keys, failure.error)
            self.pace.shrink()
            return
        if moved:
            self.progress(self.backfill)
            signals.backfill_progressed.send(Backfill, backfill=self.backfill)
            if vacuum.is_due(self.backfill.rows_done, moved, self.backfill.rows_estimated):
                vacuum.vacuum(self.connection, self.work.table)

    def _run_batch(self, handed_out: BackfillRange, rows: int) -> int:
        """Move the range's first rows and record it in one transaction; return how many."""
        started = time.monotonic()
        with (
            transaction.atomic(using=self.connection.alias),
            # Clients wait for the rows that a batch has locked, so a batch must not wait long.
            lock_timeout(self.connection, conf.get("LOCK_TIMEOUT")),
        ):
            lease = self.ledger.lease(handed_out)
            if lease is None:
                return 0
            keys = self._first_rows(lease, rows)
            done = 0 if keys is None else self._process(lease, keys)
            in_the_way = somebody_waits_for_us(self.connection)
            backfill = self.ledger.settle(lease, keys, done, time.monotonic() - started)
        moved = keys.rows if keys else 0
        if in_the_way:
            self.pace.make_way()
        elif moved:
            self.pace.observe(moved, time.monotonic() - started)
        self._look_at(backfill)
        return moved

    def _first_rows(self, lease: BackfillRange, rows: int) -> KeyRange | None:
        if lease.rows <= rows:
            return KeyRange(lease.after, lease.upto, lease.rows)
        return self.key.next_range(self.connection, lease.after, rows, lease.upto)

    def _process(self, lease: BackfillRange, keys: KeyRange) -> int:
        """Change the rows; return how many of them count as done."""
        try:
            changed = self.work.process(self.connection, self.key, keys)
            # Foreign keys are checked at the end of a transaction, where it is too late to tell
            # a row that breaks one from the others.
            self.connection.check_constraints()
        except Exception as error:
            if errors.is_lock_failure(error) or errors.is_lost_connection(error):
                raise
            raise BatchFailed(lease, keys, error) from error
        return self.key.rows_done(keys, changed)

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
            self.stop.wait(random.uniform(0, LOCK_FAILURE_DELAY))
        elif errors.is_lost_connection(error):
            logger.warning("Backfill %s: connection lost, connecting again.", self.backfill.name)
            self.connection.close()
            self.stop.wait(RECONNECT_DELAY)
        else:
            raise error
