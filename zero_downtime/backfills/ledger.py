"""Which keys of a backfill are handed out, and which of them are done.

Keys are handed out in their order, up to the *frontier* (`Backfill.cursor`), to however many
workers there are. What is handed out and not done is a `BackfillRange`, and the lock on its row
is the worker's lease. It is held by the transaction that moves the rows and deletes the range, so
a batch and the record that it is done commit together, and the range of a worker that died is free
again without anybody having to notice.

Locks are taken in the order range, backfill; who holds the backfill only skips locked ranges.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, F, Func, QuerySet
from django.utils import timezone

from zero_downtime import conf
from zero_downtime.backfills import statuses
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.physical import was_moved
from zero_downtime.backfills.statuses import Status
from zero_downtime.backfills.work import Work
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill, BackfillRange
from zero_downtime.postgres import errors
from zero_downtime.postgres.locks import lock_timeout
from zero_downtime.postgres.storage import file_number

logger = logging.getLogger("zero_downtime.backfills")

# At a given rate no batch shall be worth more than this many seconds, or rows come in bursts.
SECONDS_PER_BATCH_AT_RATE = 1.0


@dataclass(frozen=True)
class Handout:
    """What a worker was given when it asked for rows.

    Without a range there is nothing for it to do now: `backfill` says by its status whether that
    is for good, and if it is still running, others are at work on the last ranges.
    """

    backfill: Backfill
    range: BackfillRange | None
    # How many of the range's first rows to move now.
    rows: int = 0
    # The rate that was asked for is kept if the worker does not ask again before (seconds).
    seconds_at_rate: float = 0.0


def open_ranges(connection: BaseDatabaseWrapper, backfill: Backfill) -> QuerySet[BackfillRange]:
    """Return all that is handed out and not done, but for the rows that failed."""
    ranges = BackfillRange.objects.using(connection.alias)
    return ranges.filter(backfill=backfill.pk, error="")


def somebody_is_at_work(connection: BaseDatabaseWrapper, backfill: Backfill) -> bool:
    """Whether a worker is in a batch. Only in a transaction, in which `backfill` is locked."""
    ranges = open_ranges(connection, backfill)
    # The free ones first: what appears after them comes from somebody who has divided a range.
    free = [each.pk for each in ranges.select_for_update(skip_locked=True)]
    return ranges.exclude(pk__in=free).exists()


def begin_again(connection: BaseDatabaseWrapper, backfill: Backfill) -> None:
    """Let all rows be visited once more; those that are done are found so.

    Only in a transaction, in which `backfill` is locked. Ranges that are handed out stay so.
    """
    backfill.ranges.using(connection.alias).exclude(error="").delete()
    backfill.cursor = None
    backfill.last_key = None
    backfill.failed_batches = 0
    backfill.error = ""
    if backfill.file is not None:
        backfill.file = file_number(connection, backfill.table)
    backfill.save(using=connection.alias)


class Ledger:
    """The books of one backfill, as one worker sees them."""

    def __init__(
        self, connection: BaseDatabaseWrapper, backfill: Backfill, key: Key, work: Work
    ) -> None:
        self.connection = connection
        self.backfill = backfill
        self.key = key
        self.work = work

    @property
    def _backfills(self) -> QuerySet[Backfill]:
        return Backfill.objects.using(self.connection.alias).filter(pk=self.backfill.pk)

    @property
    def _ranges(self) -> QuerySet[BackfillRange]:
        return open_ranges(self.connection, self.backfill)

    def hand_out(self, rows: int, postponed: Sequence[int] = ()) -> Handout:
        """Return a range that nobody is at work on, at most `rows` newly cut ones if there is none.

        Here a backfill becomes running, paused, failed and succeeded.

        Args:
            postponed: the ids of ranges to return only if there are no others.
        """
        with transaction.atomic(using=self.connection.alias):
            backfill, now = self._lock_backfill()
            if backfill.status == Status.PENDING:
                statuses.change(self.connection, backfill, Status.RUNNING)
            if backfill.status == Status.PAUSING and not somebody_is_at_work(
                self.connection, backfill
            ):
                statuses.change(self.connection, backfill, Status.PAUSED)
            if backfill.status != Status.RUNNING:
                return Handout(backfill, None)
            rows = self._at_rate(backfill, rows)
            others = self._free_ranges().exclude(pk__in=postponed)
            lease = others.first() or self._cut(backfill, rows) or self._free_ranges().first()
            if lease is not None:
                rows = min(rows, lease.rows)
                return Handout(backfill, lease, rows, self._charge(backfill, rows, now))
            if not self._ranges.exists():
                self._end_or_begin_again(backfill)
            return Handout(backfill, None)

    def is_wanted(self) -> bool:
        """Whether nobody has paused or ended it."""
        return self._backfills.filter(status__in=(Status.PENDING, Status.RUNNING)).exists()

    def _lock_backfill(self) -> tuple[Backfill, datetime]:
        """Lock the backfill's row; return it and the time by the one clock that all can see."""
        clock: Func = Func(function="clock_timestamp", output_field=DateTimeField())
        backfill = self._backfills.select_for_update().annotate(now=clock).first()
        if backfill is None:
            raise Refused(
                f"Backfill {self.backfill.name} is no longer registered: its migration has been "
                "unapplied. Nothing is left to do."
            )
        return backfill, backfill.now

    def _free_ranges(self) -> QuerySet[BackfillRange]:
        return self._ranges.select_for_update(skip_locked=True)

    def _cut(self, backfill: Backfill, rows: int) -> BackfillRange | None:
        """Cut the next rows at the frontier; None if none are left."""
        if backfill.last_key is None and self.work.leaves_new_rows:
            backfill.last_key = self.key.last(self.connection)
        keys = self.key.next_range(self.connection, backfill.cursor, rows, backfill.last_key)
        if keys is None:
            return None
        backfill.cursor = keys.upto
        backfill.save(using=self.connection.alias, update_fields=["cursor", "last_key"])
        return self._record(keys)

    def _record(self, keys: KeyRange, error: str = "") -> BackfillRange:
        return BackfillRange.objects.using(self.connection.alias).create(
            backfill_id=self.backfill.pk,
            after=keys.after,
            upto=keys.upto,
            rows=keys.rows,
            error=error,
        )

    def _at_rate(self, backfill: Backfill, rows: int) -> int:
        if backfill.max_rate is None:
            return rows
        return min(rows, max(1, round(backfill.max_rate * SECONDS_PER_BATCH_AT_RATE)))

    def _charge(self, backfill: Backfill, rows: int, now: datetime) -> float:
        if backfill.max_rate is None:
            return 0.0
        begin = max(now, backfill.paced_until or now)
        backfill.paced_until = begin + timedelta(seconds=rows / backfill.max_rate)
        backfill.save(using=self.connection.alias, update_fields=["paced_until"])
        return (backfill.paced_until - now).total_seconds()

    def _end_or_begin_again(self, backfill: Backfill) -> None:
        if was_moved(self.connection, backfill):
            logger.info("Backfill %s: all rows were moved; once more.", self.backfill.name)
            begin_again(self.connection, backfill)
        else:
            self._end(backfill)

    def _end(self, backfill: Backfill) -> None:
        """Nothing is left but, perhaps, rows that failed."""
        if backfill.failed_batches:
            statuses.change(self.connection, backfill, Status.FAILED)
            return
        self.work.finish(self.connection)
        statuses.change(self.connection, backfill, Status.SUCCEEDED)
        backfill.finished_at = timezone.now()
        backfill.save(using=self.connection.alias, update_fields=["finished_at"])

    def lease(self, handed_out: BackfillRange) -> BackfillRange | None:
        """Lock a range until the end of the transaction, to move its rows.

        None if somebody else was faster, be it another worker or one who stops them all: a control
        that finds no range locked says that nobody is at work.
        """
        lease = self._lock(handed_out)
        if lease is None or not self._backfills.filter(status=Status.RUNNING).exists():
            return None
        return lease

    def _lock(self, handed_out: BackfillRange) -> BackfillRange | None:
        return self._free_ranges().filter(pk=handed_out.pk).first()

    def settle(
        self, lease: BackfillRange, keys: KeyRange | None, rows: int, seconds: float
    ) -> Backfill:
        """Record, in the transaction that moved them, that the rows of `keys` are done.

        Args:
            keys: the range's first rows; None if there were none left in it.
            rows: how many of them count.
            seconds: how long that took.

        Returns:
            The backfill as it will be when the transaction has committed.
        """
        self._shorten(lease, keys)
        self._backfills.update(
            rows_done=F("rows_done") + rows,
            seconds_running=F("seconds_running") + seconds,
        )
        return self._backfills.get()

    def _shorten(self, lease: BackfillRange, keys: KeyRange | None) -> None:
        """Take the keys from the beginning of the range."""
        if keys is None or keys.upto == lease.upto:
            lease.delete()
            return
        lease.after = keys.upto
        lease.rows = max(1, lease.rows - keys.rows)
        lease.save(using=self.connection.alias, update_fields=["after", "rows"])

    def divide(self, handed_out: BackfillRange, keys: KeyRange, error: Exception) -> None:
        """Make two ranges of rows that failed together, or set aside the one that fails alone."""
        with transaction.atomic(using=self.connection.alias):
            lease = self._lock(handed_out)
            if lease is None:
                return
            self._shorten(lease, keys)
            # Counted anew: clients may have inserted and deleted rows since it was handed out.
            halves = self.key.split(self.connection, keys)
            if [half.rows for half in halves] == [1]:
                self._set_aside(halves[0], f"{type(error).__name__}: {str(error).strip()}")
                return
            for half in halves:
                self._record(half)

    def _set_aside(self, keys: KeyRange, error: str) -> None:
        self._record(keys, error)
        row = self.key.named(self.connection, keys)
        logger.warning("Backfill %s: %s cannot be moved: %s", self.backfill.name, row, error)
        backfill, _ = self._lock_backfill()
        backfill.failed_batches += 1
        backfill.error = backfill.error or f"{row}: {error}"
        backfill.save(using=self.connection.alias, update_fields=["failed_batches", "error"])
        if (
            backfill.failed_batches >= conf.get("BATCH_MAX_FAILURES")
            and backfill.status == Status.RUNNING
        ):
            statuses.change(self.connection, backfill, Status.FAILED)

    def wait_for_others(self, seconds: float) -> None:
        """Wait until another worker is done with a range, or dead; not longer than `seconds`."""
        try:
            with (
                transaction.atomic(using=self.connection.alias),
                lock_timeout(self.connection, seconds),
            ):
                self._ranges.select_for_update().first()
        except Exception as error:
            if not errors.is_lock_failure(error):
                raise
