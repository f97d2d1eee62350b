"""Every row once, whatever happens to the connection, the batch or the process beside it."""

from __future__ import annotations

import logging
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from psycopg import IsolationLevel

from devtools.embedded_postgres import EmbeddedPostgres
from tests.backfills.witnessed import WitnessedTable
from tests.support.django_database import backend_pid, create_own_tables, django_connected_to
from tests.support.sessions import holding
from tests.support.waiting import wait_for
from zero_downtime.backfills import controls, registry
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.sweep import FillNulls
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill

NAME = "shop.0003_fill"
SMALL_BATCHES = override_settings(
    ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4, "LOCK_TIMEOUT": 0.02}
)

pytestmark = pytest.mark.usefixtures("own_tables")


class Copy(CopyColumn):
    """The copy that the tests run. It counts the tries, by the first key that is not in them."""

    def __init__(self) -> None:
        super().__init__("t", "old", "new")
        self.tries: list[str | None] = []

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
        self.tries.append(keys.after)
        super().process(connection, key, keys)


def run(connection: BaseDatabaseWrapper, work: Copy | None = None) -> Backfill:
    backfill = registry.register(connection, NAME, "t")
    return Runner(connection, backfill, work or Copy()).run()


def stored(connection: BaseDatabaseWrapper) -> Backfill:
    return Backfill.objects.using(connection.alias).get(name=NAME)


def assert_every_row_was_moved_once(table: WitnessedTable, count: int) -> None:
    assert table.differing == 0
    assert table.changed == list(range(1, count + 1))


@SMALL_BATCHES
def test_rows_are_moved_batch_by_batch(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(10)
    backfill = registry.register(connection, NAME, "t")
    seen: list[tuple[str, int, str | None]] = []

    def progress(backfill: Backfill) -> None:
        seen.append((backfill.status, backfill.rows_done, backfill.cursor))
        # What is shown has been committed: another session sees it too.
        assert table.ask("SELECT rows_done FROM zero_downtime_backfill") == backfill.rows_done
        assert table.ask("SELECT count(*) FROM log") == backfill.rows_done

    finished = Runner(connection, backfill, Copy(), progress).run()

    assert seen == [("running", 4, "4"), ("running", 8, "8"), ("running", 10, "10")]
    assert_every_row_was_moved_once(table, 10)
    assert (finished.status, finished.rows_done) == ("succeeded", 10)
    assert finished.finished_at is not None
    assert finished.seconds_running > 0
    assert stored(connection).status == "succeeded"


def test_an_empty_table_is_done_at_once(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    finished = run(connection)
    assert (finished.status, finished.rows_done) == ("succeeded", 0)


def test_a_finished_backfill_stays_finished(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    finished = run(connection)
    table.pg.execute("INSERT INTO t VALUES (4, 'late')")
    work = Copy()
    again = run(connection, work)
    assert (again.rows_done, again.finished_at) == (3, finished.finished_at)
    assert work.tries == []


@SMALL_BATCHES
def test_rows_that_come_after_the_start_are_the_triggers_business(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(6)

    class Growing(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            table.pg.execute("INSERT INTO t SELECT max(id) + 1, 'x', 'x' FROM t")

    assert run(connection, Growing()).rows_done == 6


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4})
def test_two_runners_share_the_work(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(400)
    backfill = registry.register(connection, NAME, "t")
    together = Barrier(2)

    def runner() -> int:
        with django_connected_to(database_url) as own_connection:
            work = Copy()
            prepared = Runner(own_connection, backfill, work)
            together.wait(20)
            assert prepared.run().status == "succeeded"
            return len(work.tries)

    with ThreadPoolExecutor(2) as threads:
        batches = [thread.result() for thread in [threads.submit(runner) for _ in range(2)]]

    assert_every_row_was_moved_once(table, 400)
    assert stored(connection).rows_done == 400
    assert sum(batches) == 100
    assert min(batches) > 0


@SMALL_BATCHES
def test_a_backend_that_dies_in_a_batch_takes_the_batch_and_its_cursor_with_it(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)

    class Dying(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            if self.tries == [None, "4"]:
                kill = "SELECT pg_terminate_backend(%s, 10000)"
                table.pg.execute(kill, [backend_pid(connection)])

    work = Dying()
    finished = run(connection, work)

    assert work.tries == [None, "4", "4", "8"]
    assert_every_row_was_moved_once(table, 12)
    assert (finished.status, finished.rows_done) == ("succeeded", 12)
    assert (finished.failed_batches, finished.error) == (0, "")


@SMALL_BATCHES
def test_a_backend_that_dies_between_two_batches_is_replaced(
    connection: BaseDatabaseWrapper, table: WitnessedTable, caplog: pytest.LogCaptureFixture
) -> None:
    table.insert(12)

    def progress(backfill: Backfill) -> None:
        if backfill.rows_done == 8:
            kill = "SELECT pg_terminate_backend(%s, 10000)"
            table.pg.execute(kill, [backend_pid(connection)])

    backfill = registry.register(connection, NAME, "t")
    finished = Runner(connection, backfill, Copy(), progress).run()

    assert_every_row_was_moved_once(table, 12)
    assert (finished.status, finished.rows_done) == ("succeeded", 12)
    assert f"Backfill {NAME}: connection lost, connecting again." in caplog.messages


def test_a_backend_that_dies_before_the_first_batch_is_replaced(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    runner = Runner(connection, registry.register(connection, NAME, "t"), Copy())
    table.pg.execute("SELECT pg_terminate_backend(%s, 10000)", [backend_pid(connection)])
    assert runner.run().status == "succeeded"
    assert_every_row_was_moved_once(table, 3)


@SMALL_BATCHES
def test_a_crash_of_the_whole_server_is_survived(
    connection: BaseDatabaseWrapper,
) -> None:
    """When one backend is killed, PostgreSQL ends all the others and recovers."""
    with (
        EmbeddedPostgres() as server,
        django_connected_to(server.url) as private_connection,
    ):
        create_own_tables(private_connection)
        with psycopg.connect(server.url, autocommit=True) as pg:
            table = WitnessedTable(pg)
            table.insert(12)

            class Crashing(Copy):
                def process(
                    self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange
                ) -> None:
                    super().process(connection, key, keys)
                    if self.tries == [None, "4"]:
                        os.kill(pg.info.backend_pid, signal.SIGKILL)

            finished = run(private_connection, Crashing())
        with psycopg.connect(server.url) as table.pg:
            assert_every_row_was_moved_once(table, 12)
        assert (finished.status, finished.rows_done) == ("succeeded", 12)


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4, "LOCK_DEADLINE": 0})
def test_a_server_that_stays_away_makes_nothing_fail(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)
    host = connection.settings_dict["HOST"]

    def progress(backfill: Backfill) -> None:
        connection.close()
        connection.settings_dict["HOST"] = "/nonexistent"

    backfill = registry.register(connection, NAME, "t")
    with pytest.raises(Refused, match=f"go on with: manage.py backfill {NAME}"):
        Runner(connection, backfill, Copy(), progress).run()
    connection.settings_dict["HOST"] = host
    left = stored(connection)
    assert (left.status, left.rows_done, left.error) == ("running", 4, "")

    run(connection)
    assert_every_row_was_moved_once(table, 12)


@SMALL_BATCHES
def test_a_row_that_a_client_holds_is_waited_for_briefly_and_left_for_later(
    connection: BaseDatabaseWrapper,
    table: WitnessedTable,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    table.insert(12)
    lock = "SELECT FROM t WHERE id = 6 FOR UPDATE"
    with holding(database_url, lock) as client:

        class Waiting(Copy):
            def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
                if len(self.tries) == 4:
                    client.rollback()
                super().process(connection, key, keys)

        work = Waiting()
        finished = run(connection, work)

    assert work.tries == [None, "4", "8", "4", "4"]
    assert caplog.messages == [f"Backfill {NAME}: a batch found its rows locked."] * 2
    assert_every_row_was_moved_once(table, 12)
    assert (finished.status, finished.failed_batches) == ("succeeded", 0)


@SMALL_BATCHES
def test_rows_that_are_held_for_long_do_not_hold_up_the_others(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(24)
    with (
        holding(database_url, "SELECT FROM t WHERE id = 2 FOR UPDATE") as first,
        holding(database_url, "SELECT FROM t WHERE id = 6 FOR UPDATE") as second,
    ):

        class Waiting(Copy):
            def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
                if self.tries.count("4") == 1:
                    second.rollback()
                if self.tries.count(None) == 2:
                    first.rollback()
                super().process(connection, key, keys)

        work = Waiting()
        finished = run(connection, work)

    # When nothing else is left they have their turn, one after the other.
    assert work.tries == [None, "4", "8", "12", "16", "20", None, "4", None]
    assert_every_row_was_moved_once(table, 24)
    assert (finished.status, finished.failed_batches) == ("succeeded", 0)


@SMALL_BATCHES
def test_a_batch_that_cannot_be_recorded_lets_go_of_its_rows(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    """Clients want the rows, whoever has locked the backfill."""
    table.insert(4)
    with psycopg.connect(database_url) as other:

        class Locked(Copy):
            def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
                super().process(connection, key, keys)
                if self.tries == [None]:
                    other.execute("SELECT FROM zero_downtime_backfill FOR UPDATE")

        class LookingAfterIt(Event):
            def wait(self, timeout: float | None = None) -> bool:
                table.pg.execute("SELECT FROM t FOR UPDATE NOWAIT")
                other.rollback()
                return False

        backfill = registry.register(connection, NAME, "t")
        finished = Runner(connection, backfill, Locked(), stop=LookingAfterIt()).run()

    assert_every_row_was_moved_once(table, 4)
    assert finished.status == "succeeded"


@SMALL_BATCHES
def test_a_batch_that_idles_too_long_for_the_server_is_split(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    """Python code may compute for longer than a transaction may idle."""
    table.insert(4)
    tried: list[int] = []

    class Thinking(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            tried.append(keys.rows)
            if keys.rows > 1:
                pid = backend_pid(connection)
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 1")
                ended = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {})"
                wait_for(lambda: table.ask(ended.format(pid)), "the session to be ended")

    finished = run(connection, Thinking())

    # Not how often: the connection may break before the server has said why.
    assert set(tried) == {4, 2, 1}
    assert_every_row_was_moved_once(table, 4)
    assert (finished.status, finished.failed_batches) == ("succeeded", 0)


@override_settings(ZERO_DOWNTIME={"VACUUM_ROWS": 2_000})
def test_a_vacuum_that_is_broken_off_is_no_failure(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    """A role may have a statement timeout that suits its other statements."""
    table.insert(5_000)
    with connection.cursor() as cursor:
        cursor.execute("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1")
        cursor.execute("SET statement_timeout = '1s'")
    assert run(connection).status == "succeeded"
    assert_every_row_was_moved_once(table, 5_000)


@SMALL_BATCHES
def test_a_client_that_was_faster_is_no_failure_under_strict_isolation(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)
    connection.settings_dict["OPTIONS"]["isolation_level"] = IsolationLevel.REPEATABLE_READ
    connection.close()

    class Overtaken(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            if self.tries == [None]:
                table.pg.execute("UPDATE t SET old = 'faster' WHERE id = 6")
            super().process(connection, key, keys)

    work = Overtaken()
    finished = run(connection, work)

    assert work.tries == [None, "4", "8", "4"]
    assert_every_row_was_moved_once(table, 12)
    assert (finished.status, finished.failed_batches) == ("succeeded", 0)


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 2, "BATCH_MAX_ROWS": 16, "LOCK_TIMEOUT": 0.01})
def test_a_batch_that_found_its_rows_locked_is_made_smaller(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(16)
    sizes: list[int] = []
    with holding(database_url, "SELECT FROM t WHERE id = 16 FOR UPDATE") as client:

        class Sized(Copy):
            def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
                if sizes:
                    client.rollback()
                sizes.append(keys.rows)
                super().process(connection, key, keys)

        run(connection, Sized())
    assert sizes[:2] == [16, 4]
    assert_every_row_was_moved_once(table, 16)


@override_settings(
    ZERO_DOWNTIME={"BATCH_TARGET_SECONDS": 1e-9, "BATCH_MIN_ROWS": 2, "BATCH_MAX_ROWS": 16}
)
def test_the_batch_size_follows_the_duration(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(24)
    seen: list[int] = []
    backfill = registry.register(connection, NAME, "t")
    Runner(connection, backfill, Copy(), lambda each: seen.append(each.rows_done)).run()
    assert seen == [16, 20, 22, 24]


class Clock(Event):
    """A stop that is never asked for, and that does not wait, but remembers how long it should."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        return False


@override_settings(ZERO_DOWNTIME={"BATCH_MAX_ROWS": 100, "BATCH_PAUSE": 0.25})
def test_there_is_a_pause_after_each_batch(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(250)
    clock = Clock()
    Runner(connection, registry.register(connection, NAME, "t"), Copy(), stop=clock).run()
    assert clock.waits == [0.25] * 3


@SMALL_BATCHES
def test_a_rate_that_was_asked_for_is_kept(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    """Four rows at 4 rows/s are worth a second, whichever worker moves them."""
    table.insert(12)
    backfill = registry.register(connection, NAME, "t")
    controls.tune(connection, backfill, max_rate=4)
    clock = Clock()
    Runner(connection, backfill, Copy(), stop=clock).run()
    # None of them was waited for, so each batch has to wait for those before it.
    assert [round(wait + 0.4) for wait in clock.waits] == [1, 2, 3]
    assert_every_row_was_moved_once(table, 12)


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 100})
def test_at_a_low_rate_batches_are_small(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)
    backfill = registry.register(connection, NAME, "t")
    controls.tune(connection, backfill, max_rate=6)
    work = Copy()
    Runner(connection, backfill, work, stop=Clock()).run()
    assert work.tries == [None, "6"]


@override_settings(ZERO_DOWNTIME={"BATCH_MAX_ROWS": 100, "LOCK_TIMEOUT": 0.01, "LOCK_DEADLINE": 0})
def test_a_row_that_is_held_for_ever_makes_nothing_fail_either(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(3)
    with (
        holding(database_url, "SELECT FROM t WHERE id = 2 FOR UPDATE"),
        pytest.raises(Refused, match="could not move a row for 0 s"),
    ):
        run(connection)
    assert stored(connection).status == "running"
    assert table.changed == []


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


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4, "LOCK_DEADLINE": 0})
def test_who_joins_does_not_wait_for_those_at_work(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(12)
    backfill = registry.register(connection, NAME, "t")
    stop = Event()

    def stop_after_a_batch(backfill: Backfill) -> None:
        stop.set()

    class Joined(FillNulls):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            if keys.after is None:
                with django_connected_to(database_url) as other:
                    Runner(other, backfill, self, stop_after_a_batch, stop=stop).run()

    finished = Runner(connection, backfill, Joined("t", "new", "'x'")).run()
    assert stop.is_set()
    assert (finished.status, finished.rows_done) == ("succeeded", 12)
    assert table.changed == list(range(1, 13))


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


@SMALL_BATCHES
def test_ctrl_c_undoes_the_batch_it_hits(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)

    class Interrupted(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            super().process(connection, key, keys)
            if keys.after:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(connection, Interrupted())
    left = stored(connection)
    assert (left.status, left.rows_done) == ("running", 4)
    assert table.changed == [1, 2, 3, 4]

    run(connection)
    assert_every_row_was_moved_once(table, 12)


def test_a_backfill_that_is_taken_back_meanwhile_says_so(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    backfill = registry.register(connection, NAME, "t")
    runner = Runner(connection, backfill, Copy())
    registry.unregister(connection, NAME)
    with pytest.raises(Refused, match=f"Backfill {NAME} is no longer registered"):
        runner.run()
    assert table.changed == []


def test_a_worker_is_counted_while_it_works(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    backfill = registry.register(connection, NAME, "t")
    counted: list[int] = []

    def progress(backfill: Backfill) -> None:
        counted.append(registry.Listed.of(connection, backfill).workers)

    finished = Runner(connection, backfill, Copy(), progress).run()
    assert counted == [1]
    assert registry.Listed.of(connection, finished).workers == 0


@override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.123})
def test_a_batch_runs_under_the_lock_timeout(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    timeouts: list[str] = []

    class Looking(Copy):
        def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SHOW lock_timeout")
                timeouts.append(cursor.fetchone()[0])

    run(connection, Looking())
    assert timeouts == ["123ms"]
