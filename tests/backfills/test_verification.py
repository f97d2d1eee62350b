from __future__ import annotations

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backfills.witnessed import WitnessedTable
from zero_downtime.backfills import registry
from zero_downtime.backfills.verification import ROWS_PER_RANGE, compare, verify
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Backfill

COPY = CopyColumn("t", "old", "new")


def test_equal_rows(connection: BaseDatabaseWrapper, table: WitnessedTable) -> None:
    table.pg.execute("INSERT INTO t VALUES (1, 'a', 'a'), (2, NULL, NULL)")
    comparison = compare(connection, COPY)
    assert comparison.equal
    assert str(comparison) == "2 rows compared, none differ"


def test_an_empty_table(connection: BaseDatabaseWrapper, table: WitnessedTable) -> None:
    assert str(compare(connection, COPY)) == "0 rows compared, none differ"


def test_rows_that_differ(connection: BaseDatabaseWrapper, table: WitnessedTable) -> None:
    table.pg.execute(
        "INSERT INTO t VALUES (1, 'a', 'a'), (2, 'a', 'A'), (3, 'a', NULL), (4, NULL, 'a')"
    )
    comparison = compare(connection, COPY)
    assert not comparison.equal
    assert str(comparison) == "3 of 4 rows differ (keys 2, 3, 4)"


def test_only_some_of_many_keys_are_shown(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(8)
    assert str(compare(connection, COPY)) == "8 of 8 rows differ (keys 1, 2, 3, 4, 5, ...)"


def test_every_range_of_a_large_table_is_compared(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.pg.execute(
        "INSERT INTO t SELECT n, 'x', 'x' FROM generate_series(1, %s) AS n", [ROWS_PER_RANGE + 3]
    )
    late = ROWS_PER_RANGE + 1
    table.pg.execute("UPDATE t SET new = 'y' WHERE id IN (1, %s, %s)", [ROWS_PER_RANGE, late])
    comparison = compare(connection, COPY)
    assert (comparison.rows, comparison.differing) == (ROWS_PER_RANGE + 3, 3)
    assert comparison.examples == ["1", str(ROWS_PER_RANGE), str(late)]


@pytest.mark.usefixtures("own_tables")
def test_the_result_is_recorded(connection: BaseDatabaseWrapper, table: WitnessedTable) -> None:
    table.insert(1)
    backfill = registry.register(connection, "shop.0003", "t")
    Backfill.objects.update(rows_done=7)  # by a runner, meanwhile

    assert not verify(connection, backfill, COPY).equal
    assert Backfill.objects.get().verified is False
    table.pg.execute("UPDATE t SET new = old")
    assert verify(connection, backfill, COPY).equal
    assert Backfill.objects.get().verified is True
    assert Backfill.objects.get().rows_done == 7
