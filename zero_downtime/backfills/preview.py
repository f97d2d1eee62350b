"""What a backfill would do, found out without doing it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.backfills import registry
from zero_downtime.backfills.keys import KeyRange
from zero_downtime.backfills.physical import walk_of
from zero_downtime.backfills.work import CallPython, Work
from zero_downtime.models import Backfill
from zero_downtime.postgres import catalog, updates
from zero_downtime.postgres.locks import lock_timeout
from zero_downtime.postgres.updates import READS_PLACES, READS_WHOLE_TABLE, Scan, Updates

SAMPLE_ROWS = 1_000


@dataclass(frozen=True)
class Preview:
    """What can be said of a backfill before it runs.

    Args:
        rows_left: an estimate.
        rate: rows per second of one worker; None if nobody knows.
        measured: whether `rate` comes from a sample; otherwise from the batches done so far.
        scans: how the rows are found and changed.
        sample: the rows that the sample updated; None if there was none.
        indexed_by: what is built on the column that is written.
    """

    rows_left: int
    rate: float | None
    measured: bool
    scans: tuple[Scan, ...]
    sample: Updates | None
    indexed_by: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """The same for people."""
        return [self._time(), self._access(), *self._heap_only()]

    def _time(self) -> str:
        rows = f"about {self.rows_left} rows to go"
        if not self.rate:
            return f"{rows}; how fast is not known before its code has run"
        source = "measured on a sample that was undone" if self.measured else "as it went so far"
        seconds = self.rows_left / self.rate
        return f"{rows}, about {seconds:.0f} s with one worker ({self.rate:.0f} rows/s, {source})"

    def _access(self) -> str:
        if any(scan.kind == READS_WHOLE_TABLE for scan in self.scans):
            return "each batch would read the whole table, as PostgreSQL does while it is small"
        if any(scan.kind == READS_PLACES for scan in self.scans):
            return "rows are found page by page, as they lie in no order of their keys"
        indexes = sorted({scan.index for scan in self.scans if scan.index})
        return f"rows are found by index {', '.join(indexes)}" if indexes else "no row is left"

    def _heap_only(self) -> list[str]:
        if self.sample is None or not self.sample.rows:
            return []
        share = self.sample.heap_only / self.sample.rows
        told = f"heap-only updates (HOT): {share:.0%} of the sample"
        if self.indexed_by:
            advice = f"none while {', '.join(self.indexed_by)} is there; build it afterwards"
        elif share < 0.5:
            advice = (
                "pages have little free room; VACUUM, or a lower fillfactor, "
                "makes the next ones several times as fast"
            )
        else:
            return [told]
        return [f"{told}: {advice}"]


def preview(connection: BaseDatabaseWrapper, backfill: Backfill, work: Work) -> Preview:
    """Try a batch of at most `SAMPLE_ROWS` rows, undo it, and say what was seen.

    Code of the project is not called: nobody knows what it does besides.
    Locks: the rows of the sample, until it is undone.
    """
    key = walk_of(connection, backfill)
    begun = backfill.cursor is not None
    # Before the sample makes the file longer.
    rows = backfill.rows_estimated if begun else catalog.estimated_rows(connection, work.table)
    rate, sample, measured = registry.rate_of(backfill, workers=1), None, False
    with transaction.atomic(using=connection.alias):
        found: list[KeyRange | None] = []

        def walk() -> None:
            found.append(
                key.next_range(connection, backfill.cursor, SAMPLE_ROWS, backfill.last_key)
            )

        scans = _scans_while(connection, walk)
        (keys,) = found
        if keys is not None and not isinstance(work, CallPython):
            before = updates.updates_of_this_session(connection, work.table)
            started = time.monotonic()
            with lock_timeout(connection, conf.get("LOCK_TIMEOUT")):
                scans += _scans_while(connection, lambda: work.process(connection, key, keys))
            rate, measured = keys.rows / max(time.monotonic() - started, 1e-6), True
            sample = updates.updates_of_this_session(connection, work.table) - before
        transaction.set_rollback(True, using=connection.alias)
    column = work.written_column
    own = updates.relation_names(connection, work.table)
    return Preview(
        rows_left=max(0, rows - backfill.rows_done),
        rate=rate,
        measured=measured,
        scans=tuple(each for each in scans if (each.relation or each.index) in own),
        sample=sample,
        indexed_by=tuple(catalog.built_on_column(connection, work.table, column) if column else ()),
    )


def _scans_while(connection: BaseDatabaseWrapper, run: Callable[[], object]) -> list[Scan]:
    """Return how the statements that `run` sends read rows."""
    statements: list[tuple[str, Sequence[Any]]] = []

    def record(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(record):
        run()
    return [
        scan
        for sql, params in statements
        if sql.lstrip().startswith(("SELECT", "WITH", "UPDATE"))
        for scan in updates.scans_of(connection, sql, params)
    ]
