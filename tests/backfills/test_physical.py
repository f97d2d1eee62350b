"""Walking a table page by page, because its keys lie in no order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.backfills.copying import NAME, SMALL_BATCHES, Copy, stored
from tests.backfills.witnessed import WitnessedTable
from tests.support.django_database import django_connected_to
from tests.support.sessions import holding
from zero_downtime.backfills import controls, registry, workers
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.physical import PhysicalKey
from zero_downtime.backfills.preview import preview
from zero_downtime.backfills.runner import Runner
from zero_downtime.models import Backfill
from zero_downtime.postgres.storage import file_number

ROWS = 1_000
BATCHES_OF_A_HUNDRED = override_settings(
    ZERO_DOWNTIME={"BATCH_MIN_ROWS": 100, "BATCH_MAX_ROWS": 100, "LOCK_TIMEOUT": 0.02}
)

pytestmark = pytest.mark.usefixtures("own_tables")


@pytest.fixture(autouse=True)
def _knows_ranges_of_places(pg: psycopg.Connection) -> None:
    if pg.info.server_version < 140000:
        pytest.skip("PostgreSQL cannot read a range of places before version 14")


@pytest.fixture
def scattered(table: WitnessedTable) -> WitnessedTable:
    """The table `t` with rows in no order, and a trigger that fills those that are written."""
    scatter(table)
    table.pg.execute(
        """
        CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.new := NEW.old; RETURN NEW; END $$;
        CREATE TRIGGER fill BEFORE INSERT OR UPDATE OF old ON t
            FOR EACH ROW EXECUTE FUNCTION fill();
        """
    )
    return table


def scatter(table: WitnessedTable) -> None:
    table.pg.execute(
        "INSERT INTO t SELECT n, 'value ' || n FROM generate_series(1, %s) AS n "
        "ORDER BY md5(n::text)",
        [ROWS],
    )
    table.pg.execute("ANALYZE t")


def register(connection: BaseDatabaseWrapper) -> Backfill:
    """Register a backfill that goes by place, although the table is small."""
    backfill = registry.register(connection, NAME, "t")
    backfill.file = file_number(connection, "t")
    backfill.save()
    return backfill


def test_rows_are_visited_as_they_lie(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    as_they_lie: list[list[int]] = []

    class Watching(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> int | None:
            changed = super().process(connection, key, keys)
            done = [row[0] for row in scattered.pg.execute("SELECT id FROM log").fetchall()]
            as_they_lie.append(done)
            return changed

    places: dict[int, str] = dict(scattered.pg.execute("SELECT id, ctid::text FROM t").fetchall())
    with BATCHES_OF_A_HUNDRED:
        finished = Runner(connection, register(connection), Watching()).run()

    assert finished.status == "succeeded"
    assert scattered.differing == 0
    assert scattered.changed == list(range(1, ROWS + 1))
    assert len(as_they_lie) > 5
    in_order = [row[0] for row in scattered.pg.execute("SELECT id FROM log").fetchall()]
    assert in_order == sorted(in_order, key=lambda id: place(places[id]))


def place(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.strip("()").split(","))


def test_several_workers_share_the_pages(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    backfill = register(connection)
    with BATCHES_OF_A_HUNDRED:
        finished = workers.run(connection, backfill, Copy(), workers=3)
    assert (finished.status, finished.rows_done) == ("succeeded", ROWS)
    assert scattered.changed == list(range(1, ROWS + 1))


@SMALL_BATCHES
def test_batches_may_be_smaller_than_a_page(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    scattered.pg.execute("DELETE FROM t WHERE id > 50")
    finished = Runner(connection, register(connection), Copy()).run()
    assert (finished.status, finished.rows_done) == ("succeeded", 50)
    assert scattered.changed == list(range(1, 51))


def test_empty_pages_are_passed_over(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    """As a large DELETE leaves them: without a row in the middle of the file."""
    scattered.pg.execute("DELETE FROM t WHERE ctid > '(1,0)' AND ctid < '(5,0)'")
    left = scattered.ask("SELECT count(*) FROM t")
    finished = Runner(connection, register(connection), Copy()).run()
    assert (finished.status, finished.rows_done) == ("succeeded", left)
    assert scattered.differing == 0


def test_an_empty_table_is_done_at_once(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    backfill = register(connection)
    scattered.pg.execute("TRUNCATE t")
    finished = Runner(connection, backfill, Copy()).run()
    assert (finished.status, finished.rows_done) == ("succeeded", 0)


@BATCHES_OF_A_HUNDRED
def test_rows_that_clients_move_behind_the_frontier_are_filled_by_the_trigger(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    class AmongClients(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> int | None:
            # Rows from the end of the file, which a VACUUM lets go to its beginning.
            scattered.pg.execute(
                "UPDATE t SET old = old || '!' WHERE id IN (SELECT id FROM t "
                "WHERE new IS NULL ORDER BY ctid DESC LIMIT 20)"
            )
            scattered.pg.execute("DELETE FROM t WHERE id %% 50 = %s AND new IS NOT NULL", [7])
            scattered.pg.execute("VACUUM t")
            return super().process(connection, key, keys)

    finished = Runner(connection, register(connection), AmongClients()).run()
    assert finished.status == "succeeded"
    assert scattered.differing == 0
    assert len(scattered.changed) == len(set(scattered.changed))


@BATCHES_OF_A_HUNDRED
@pytest.mark.parametrize("rewrite", ["VACUUM FULL t", "CLUSTER t USING t_pkey"])
def test_when_all_rows_are_moved_at_once_they_are_visited_once_more(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable, rewrite: str
) -> None:
    """Each row is written once all the same: those that are done are found so."""

    class Rewritten(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> int | None:
            if len(self.tries) == 4:
                connection.close()  # or it would wait for this very batch
                scattered.pg.execute(rewrite.encode())
            return super().process(connection, key, keys)

    backfill = register(connection)
    work = Rewritten()
    finished = Runner(connection, backfill, work).run()

    assert finished.status == "succeeded"
    assert scattered.differing == 0
    assert scattered.changed == list(range(1, ROWS + 1))
    assert work.tries.count(None) == 2
    assert finished.file not in (None, backfill.file)


@BATCHES_OF_A_HUNDRED
def test_a_row_that_cannot_be_moved_is_named_by_its_key(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    scattered.pg.execute("ALTER TABLE t ADD CONSTRAINT strict CHECK (new <> 'value 77')")
    failed = Runner(connection, register(connection), Copy()).run()
    assert (failed.status, failed.failed_batches, failed.rows_done) == ("failed", 1, ROWS - 1)
    assert failed.error.startswith("key 77: IntegrityError")
    assert scattered.differing == 1


@BATCHES_OF_A_HUNDRED
def test_a_row_that_failed_is_found_again_wherever_it_went(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    scattered.pg.execute("ALTER TABLE t ADD CONSTRAINT strict CHECK (new <> 'value 77')")
    failed = Runner(connection, register(connection), Copy()).run()
    scattered.pg.execute("ALTER TABLE t DROP CONSTRAINT strict")
    scattered.pg.execute("ALTER TABLE t DISABLE TRIGGER fill")
    scattered.pg.execute("UPDATE t SET old = old WHERE id = 77")

    finished = Runner(connection, controls.retry(connection, failed), Copy()).run()

    assert (finished.status, finished.rows_done, finished.error) == ("succeeded", ROWS, "")
    assert scattered.changed == list(range(1, ROWS + 1))


@BATCHES_OF_A_HUNDRED
def test_one_that_was_cancelled_goes_on_where_it_was(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    class Cancelled(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> int | None:
            if len(self.tries) == 3:
                controls.cancel(connection, backfill)
            return super().process(connection, key, keys)

    backfill = register(connection)
    Runner(connection, backfill, Cancelled()).run()
    work = Copy()
    finished = Runner(connection, controls.retry(connection, stored(connection)), work).run()
    assert (finished.status, finished.rows_done) == ("succeeded", ROWS)
    assert None not in work.tries
    assert scattered.changed == list(range(1, ROWS + 1))


@BATCHES_OF_A_HUNDRED
def test_a_client_that_locks_rows_in_another_order_is_not_stopped(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable, database_url: str
) -> None:
    """The batch gives way long before the server would look for a deadlock."""
    backfill = register(connection)
    with holding(database_url, "SELECT FROM t WHERE id = 5 FOR UPDATE") as client:

        class InTheWay(Copy):
            def process(
                self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange
            ) -> int | None:
                if len(self.tries) == 15:
                    client.execute("SELECT FROM t FOR UPDATE")
                    client.commit()
                return super().process(connection, key, keys)

        finished = Runner(connection, backfill, InTheWay()).run()
    assert (finished.status, finished.rows_done) == ("succeeded", ROWS)
    assert scattered.changed == list(range(1, ROWS + 1))


def test_the_preview_says_so(connection: BaseDatabaseWrapper, scattered: WitnessedTable) -> None:
    scattered.pg.execute(
        "INSERT INTO t SELECT n FROM generate_series(1001, 30000) AS n ORDER BY md5(n::text)"
    )
    scattered.pg.execute("ANALYZE t")
    seen = preview(connection, register(connection), Copy())
    assert "rows are found page by page, as they lie in no order of their keys" in seen.lines


def test_ranges_cover_the_table_and_do_not_overlap(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable
) -> None:
    key = PhysicalKey.of(connection, "t")
    ranges = []
    after = None
    while (keys := key.next_range(connection, after, 70)) is not None:
        ranges.append(keys)
        after = keys.upto
    assert sum(keys.rows for keys in ranges) == ROWS
    assert max(keys.rows for keys in ranges) == 70
    assert [keys.after for keys in ranges[1:]] == [keys.upto for keys in ranges[:-1]]
    assert [half.rows for half in key.split(connection, ranges[0])] == [35, 35]


@BATCHES_OF_A_HUNDRED
def test_another_process_goes_on_where_one_has_died(
    connection: BaseDatabaseWrapper, scattered: WitnessedTable, database_url: str
) -> None:
    class Dying(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> int | None:
            changed = super().process(connection, key, keys)
            if len(self.tries) == 3:
                raise KeyboardInterrupt
            return changed

    backfill = register(connection)

    def die() -> None:
        with django_connected_to(database_url) as other, pytest.raises(KeyboardInterrupt):
            Runner(other, backfill, Dying()).run()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(die).result()
    finished = Runner(connection, stored(connection), Copy()).run()
    assert (finished.status, finished.rows_done) == ("succeeded", ROWS)
    assert scattered.changed == list(range(1, ROWS + 1))
