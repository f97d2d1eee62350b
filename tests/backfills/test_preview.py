from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backfills.witnessed import WitnessedTable
from zero_downtime.backfills import registry
from zero_downtime.backfills.preview import Preview, preview
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.work import CallPython, CopyColumn
from zero_downtime.models import Backfill

ROWS = 5000

pytestmark = pytest.mark.usefixtures("own_tables")


def look(connection: BaseDatabaseWrapper) -> Preview:
    backfill = registry.register(connection, "shop.0003", "t")
    return preview(connection, backfill, CopyColumn("t", "old", "new"))


@pytest.fixture
def large(table: WitnessedTable) -> WitnessedTable:
    """The table `t` with enough rows for an index to be worth while."""
    table.insert(ROWS)
    table.pg.execute("VACUUM ANALYZE t")
    return table


def test_nothing_is_changed(connection: BaseDatabaseWrapper, large: WitnessedTable) -> None:
    look(connection)
    assert large.differing == ROWS
    assert large.changed == []
    assert Backfill.objects.get().status == "pending"


def test_it_tells_how_long_and_by_which_index(
    connection: BaseDatabaseWrapper, large: WitnessedTable
) -> None:
    seen = look(connection)
    assert seen.rows_left == ROWS
    assert seen.rate is not None
    assert seen.measured
    assert {scan.index for scan in seen.scans} == {"t_pkey"}
    seconds = ROWS / seen.rate
    assert seen.lines[:2] == [
        f"about {ROWS} rows to go, about {seconds:.0f} s with one worker "
        f"({seen.rate:.0f} rows/s, measured on a sample that was undone)",
        "rows are found by index t_pkey",
    ]


def test_it_tells_when_a_batch_reads_the_whole_table(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    table.pg.execute("ANALYZE t")
    assert look(connection).lines[1].startswith("each batch would read the whole table")


def test_an_index_on_the_column_keeps_updates_from_being_heap_only(
    connection: BaseDatabaseWrapper, large: WitnessedTable
) -> None:
    large.pg.execute("CREATE INDEX on_new ON t (new)")
    assert look(connection).lines[2] == (
        "heap-only updates (HOT): 0% of the sample: none while on_new is there; build it afterwards"
    )


def test_full_pages_do_too_and_free_room_helps(
    connection: BaseDatabaseWrapper, large: WitnessedTable
) -> None:
    assert "pages have little free room; VACUUM, or a lower fillfactor" in look(connection).lines[2]
    large.pg.execute("ALTER TABLE t SET (fillfactor = 25)")
    large.pg.execute("VACUUM FULL ANALYZE t")
    assert look(connection).lines[2] == "heap-only updates (HOT): 100% of the sample"


def test_code_of_the_project_is_not_called(
    connection: BaseDatabaseWrapper, large: WitnessedTable
) -> None:
    def code(apps: Any, rows: Any) -> None:
        raise AssertionError

    work = CallPython(Backfill, code, None, None, None)
    work.table = "t"
    backfill = registry.register(connection, "shop.0003", "t")
    seen = preview(connection, backfill, work)
    assert seen.lines[0] == (
        f"about {ROWS} rows to go; how fast is not known before its code has run"
    )
    assert len(seen.lines) == 2


def test_what_is_done_already_tells_the_rate_of_the_rest(
    connection: BaseDatabaseWrapper, large: WitnessedTable
) -> None:
    backfill = registry.register(connection, "shop.0003", "t")
    finished = Runner(connection, backfill, CopyColumn("t", "old", "new")).run()
    seen = preview(connection, finished, CopyColumn("t", "old", "new"))
    assert (seen.rows_left, seen.measured) == (0, False)
    assert seen.lines[0].endswith("as it went so far)")


def test_partitions_are_the_table(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    pg.execute("CREATE TABLE t (id int PRIMARY KEY, old text, new text) PARTITION BY RANGE (id)")
    pg.execute("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100000)")
    pg.execute("INSERT INTO t SELECT n, 'x' FROM generate_series(1, 5000) n")
    pg.execute("ANALYZE t")
    seen = look(connection)
    assert {scan.index for scan in seen.scans} == {"t1_pkey"}
    assert seen.sample is not None
    assert seen.sample.rows == 1000
