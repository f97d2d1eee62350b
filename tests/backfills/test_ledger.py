"""The books of a backfill when several have them open, or the rows are not what they were."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.backfills.witnessed import WitnessedTable
from tests.support.sessions import holding
from zero_downtime.backfills import controls, registry
from zero_downtime.backfills.ledger import Ledger, somebody_is_at_work
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Backfill

NAME = "shop.0003_fill"
BATCHES_OF_FOUR = override_settings(
    ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4, "LOCK_TIMEOUT": 0.02}
)

pytestmark = pytest.mark.usefixtures("own_tables")


@pytest.fixture
def backfill(connection: BaseDatabaseWrapper, table: WitnessedTable) -> Backfill:
    """A backfill of twelve rows that nobody is at work on."""
    table.insert(12)
    return registry.register(connection, NAME, "t")


def runner(connection: BaseDatabaseWrapper, backfill: Backfill) -> Runner:
    return Runner(connection, backfill, CopyColumn("t", "old", "new"))


def ledger(connection: BaseDatabaseWrapper, backfill: Backfill) -> Ledger:
    return runner(connection, backfill).ledger


def test_what_was_handed_out_before_a_pause_is_not_begun_after_it(
    connection: BaseDatabaseWrapper, backfill: Backfill
) -> None:
    books = ledger(connection, backfill)
    handed_out = books.hand_out(4).range
    assert handed_out is not None
    assert controls.pause(connection, backfill).status == "paused"
    with transaction.atomic():
        assert books.lease(handed_out) is None
    controls.resume(connection, backfill)
    books.hand_out(4)
    with transaction.atomic():
        assert books.lease(handed_out) == handed_out


def test_a_worker_is_seen_at_work_while_others_divide_their_ranges(
    connection: BaseDatabaseWrapper, backfill: Backfill, database_url: str
) -> None:
    """Ranges come and go while they are being looked at; the one that is locked stays."""
    books = ledger(connection, backfill)
    first = books.hand_out(4).range
    assert first is not None
    assert books.hand_out(4, [first.pk]).range is not None
    lock = f"SELECT FROM zero_downtime_backfillrange WHERE id = {first.pk} FOR UPDATE"

    divided = False

    def divide_once(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        """Between any two statements of the one who looks."""
        result = execute(sql, params, many, context)
        nonlocal divided
        if not divided and "zero_downtime_backfillrange" in sql:
            divided = True
            with holding(database_url) as other:
                other.execute(
                    "INSERT INTO zero_downtime_backfillrange (backfill_id, upto, rows, error) "
                    "VALUES (%s, '2', 2, '')",
                    [backfill.pk],
                )
                other.commit()
        return result

    with (
        holding(database_url, lock),
        transaction.atomic(),
        connection.execute_wrapper(divide_once),
    ):
        assert somebody_is_at_work(connection, backfill)
    assert divided


@BATCHES_OF_FOUR
def test_rows_that_came_into_a_range_do_not_fail_with_the_one_that_fails(
    connection: BaseDatabaseWrapper, table: WitnessedTable, backfill: Backfill
) -> None:
    """A range may have been handed out long ago; how many rows it has is known only now."""
    table.pg.execute("DELETE FROM t WHERE id <> 5")
    assert ledger(connection, backfill).hand_out(4).range is not None
    table.pg.execute("INSERT INTO t SELECT n, 'late' FROM generate_series(1, 4) AS n")
    table.pg.execute("ALTER TABLE t ADD CHECK (new <> 'value 5')")

    failed = runner(connection, backfill).run()

    assert (failed.status, failed.failed_batches) == ("failed", 1)
    assert table.changed == [1, 2, 3, 4]
    assert [(each.after, each.upto, each.rows) for each in failed.ranges.all()] == [("4", "5", 1)]


@BATCHES_OF_FOUR
def test_rows_that_left_a_range_do_not_count_when_it_is_divided(
    connection: BaseDatabaseWrapper, table: WitnessedTable, backfill: Backfill
) -> None:
    assert ledger(connection, backfill).hand_out(4).range is not None
    table.pg.execute("DELETE FROM t WHERE id IN (1, 2, 4)")
    table.pg.execute("ALTER TABLE t ADD CHECK (new <> 'value 3')")

    failed = runner(connection, backfill).run()

    assert (failed.status, failed.failed_batches, failed.rows_done) == ("failed", 1, 8)
    assert table.changed == list(range(5, 13))
    assert failed.error.startswith("key 3: IntegrityError")


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 1})
def test_at_a_given_rate_a_large_range_that_was_left_is_moved_in_small_batches(
    connection: BaseDatabaseWrapper, table: WitnessedTable, backfill: Backfill
) -> None:
    """Each batch costs the time of its own rows, not of all that are left in the range."""
    books = ledger(connection, backfill)
    left = books.hand_out(12).range
    assert left is not None
    assert left.rows == 12
    controls.tune(connection, backfill, max_rate=2)

    handed_out = books.hand_out(12)

    assert (handed_out.range, handed_out.rows) == (left, 2)
    assert handed_out.seconds_at_rate == pytest.approx(1)
