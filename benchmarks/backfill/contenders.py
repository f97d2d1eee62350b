"""The ways to fill the column that are compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.db.backends.base.base import BaseDatabaseWrapper

from benchmarks.backfill.customers import SOURCE, TABLE, TARGET
from zero_downtime.backfills import registry, workers
from zero_downtime.backfills.work import CopyColumn, Work
from zero_downtime.models import Backfill
from zero_downtime.postgres.storage import file_number

BACKFILL_NAME = "shop.0002_fill_full_name"

# Told after each batch how many rows are done.
Progress = Callable[[int], None]
# Fills the table that the connection, in autocommit mode, goes to.
Contender = Callable[[BaseDatabaseWrapper, Progress], None]

# What is found in most advice on the subject.
LIMIT_LOOP_ROWS = 5_000


def plain_update(connection: BaseDatabaseWrapper, progress: Progress) -> None:
    """All rows in one statement."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE customer SET full_name = name")


def limit_loop(connection: BaseDatabaseWrapper, progress: Progress) -> None:
    """Any rows that are not filled yet, until there are none."""
    rows = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "UPDATE customer SET full_name = name WHERE id IN "
                f"(SELECT id FROM customer WHERE full_name IS NULL LIMIT {LIMIT_LOOP_ROWS})"
            )
            if not cursor.rowcount:
                return
            rows += cursor.rowcount
            progress(rows)


def run_engine(
    connection: BaseDatabaseWrapper,
    progress: Progress,
    work: Work,
    count: int = 1,
    *,
    by_place: bool = False,
) -> None:
    """Run the engine, with its default settings, as `manage.py backfill` does.

    Args:
        by_place: visit the rows as they lie, whether or not the engine would.
    """
    backfill = registry.register(connection, BACKFILL_NAME, work.table)
    if by_place:
        backfill.file = file_number(connection, work.table)
        backfill.save(using=connection.alias)

    def show(backfill: Backfill) -> None:
        progress(backfill.rows_done)

    ended = workers.run(connection, backfill, work, count, show)
    if ended.status != "succeeded":
        raise RuntimeError(f"The backfill has {ended.status}: {ended.error}")


def engine(count: int, *, by_place: bool = False) -> Contender:
    """Return the engine with `count` workers."""
    work = CopyColumn(TABLE, SOURCE, TARGET)
    return partial(run_engine, work=work, count=count, by_place=by_place)
