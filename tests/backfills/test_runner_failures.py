"""Rows that cannot be moved."""

from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.backfills.copying import (
    SMALL_BATCHES,
    Copy,
    assert_every_row_was_moved_once,
    run,
    stored,
)
from tests.backfills.witnessed import WitnessedTable
from zero_downtime.backfills import controls
from zero_downtime.backfills.keys import Key, KeyRange

pytestmark = pytest.mark.usefixtures("own_tables")


@SMALL_BATCHES
def test_a_row_that_cannot_be_moved_is_set_aside_and_the_rest_is_moved(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)
    table.pg.execute("ALTER TABLE t ADD CHECK (new NOT IN ('value 6', 'value 11'))")

    finished = run(connection)

    assert (finished.status, finished.failed_batches, finished.rows_done) == ("failed", 2, 10)
    assert finished.error.startswith("key 6: IntegrityError: new row for relation")
    assert table.changed == [1, 2, 3, 4, 5, 7, 8, 9, 10, 12]
    left = finished.ranges.using(connection.alias)
    assert [(each.after, each.upto, each.rows) for each in left] == [("5", "6", 1), ("10", "11", 1)]
    assert stored(connection).error == finished.error


@SMALL_BATCHES
def test_a_row_that_breaks_a_deferred_constraint_is_set_aside_too(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)
    table.pg.execute(
        """
        CREATE TABLE valid (value text PRIMARY KEY);
        INSERT INTO valid SELECT old FROM t WHERE id <> 6;
        ALTER TABLE t ADD FOREIGN KEY (new) REFERENCES valid DEFERRABLE INITIALLY DEFERRED;
        """
    )
    finished = run(connection)
    assert (finished.status, finished.failed_batches, finished.rows_done) == ("failed", 1, 11)
    assert finished.error.startswith("key 6: IntegrityError")
    assert table.changed == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]


@SMALL_BATCHES
def test_rows_that_failed_are_tried_again_when_somebody_asks_for_it(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)
    table.pg.execute("ALTER TABLE t ADD CONSTRAINT strict CHECK (new <> 'value 6')")
    failed = run(connection)
    assert run(connection).status == "failed"
    table.pg.execute("ALTER TABLE t DROP CONSTRAINT strict")

    controls.retry(connection, failed)
    work = Copy()
    finished = run(connection, work)

    assert work.tries == ["5"]
    assert_every_row_was_moved_once(table, 12)
    assert (finished.status, finished.rows_done, finished.error) == ("succeeded", 12, "")


@override_settings(ZERO_DOWNTIME={"BATCH_MAX_FAILURES": 3})
def test_when_too_many_rows_fail_the_others_are_not_tried(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(100)
    table.pg.execute("ALTER TABLE t ADD CONSTRAINT strict CHECK (new IS NULL)")
    failed = run(connection)
    assert (failed.status, failed.failed_batches, failed.rows_done) == ("failed", 3, 0)

    table.pg.execute("ALTER TABLE t DROP CONSTRAINT strict")
    finished = run(connection)
    assert finished.status == "failed"
    controls.retry(connection, finished)
    assert run(connection).status == "succeeded"
    assert_every_row_was_moved_once(table, 100)


def test_a_batch_that_takes_too_long_is_split(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(16)
    tried: list[int] = []

    class Slow(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            tried.append(keys.rows)
            if keys.rows > 4:
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL statement_timeout = 1")
                    cursor.execute("SELECT pg_sleep(60)")

    assert run(connection, Slow()).status == "succeeded"
    assert tried == [16, 8, 8, 4, 4, 4, 4]
    assert_every_row_was_moved_once(table, 16)


@SMALL_BATCHES
@pytest.mark.parametrize("error", [ValueError("no good"), psycopg.DataError("no good")])
def test_an_error_of_python_code_fails_its_rows_too(
    connection: BaseDatabaseWrapper, table: WitnessedTable, error: Exception
) -> None:
    table.insert(3)

    class Failing(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            raise error

    finished = run(connection, Failing())

    assert (finished.status, finished.failed_batches) == ("failed", 3)
    assert finished.error == f"key 1: {type(error).__name__}: no good"
    assert table.changed == []
