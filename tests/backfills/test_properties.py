"""For any keys, batch sizes, workers and mishaps: every row once, and none twice.

Some workers take their steps in one thread, in an order that is drawn, so that a failure can be
repeated and made small. Longer: HYPOTHESIS_PROFILE=long.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import how_many
from tests.support.turns import OneStep, Turn
from zero_downtime.backfills import controls, registry
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.work import Work
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill, BackfillRange

EXAMPLES = how_many(short=50, long=1_000)
NAME = "shop.0003_fill"
# More than any example needs; one that does not end would be a bug.
MOST_STEPS = 2_000

pytestmark = pytest.mark.usefixtures("own_tables")


def dense(count: int) -> list[int]:
    return list(range(1, count + 1))


INTEGERS = st.one_of(
    st.integers(0, 60).map(dense),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40, unique=True),
    # Clusters with gaps between them, of either sign.
    st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(1, 15)), max_size=4).map(
        lambda clusters: sorted({first + n for first, count in clusters for n in range(count)})
    ),
)
TEXTS = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
    max_size=30,
    unique=True,
)
UUIDS = st.lists(st.uuids(), max_size=30, unique=True)
TABLES = st.one_of(
    st.tuples(st.just("bigint"), INTEGERS),
    st.tuples(st.just("text"), TEXTS),
    st.tuples(st.just("uuid"), UUIDS),
)

WORKERS = 3
# What happens, to which worker, and a number: of rows, or of a row. Mostly a worker takes a step.
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(
            ["step"] * 8
            + ["overtaken before batch", "overtaken in batch"] * 3
            + ["raise in batch", "lose connection in batch", "lose connection", "replace worker"]
            + ["pause", "resume", "cancel", "retry", "tune", "tune rate", "hold row", "release row"]
        ),
        st.integers(0, WORKERS - 1),
        st.integers(1, 20),
    ),
    max_size=25,
)


class Mishap(Exception):
    """Something is wrong with a batch."""


class Moving(Work):
    """Counts in each row how often it was moved, in the transaction that does it."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.poison: set[str] = set()
        self.in_batch: Callable[[BaseDatabaseWrapper], None] | None = None

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
        condition, params = key.condition(keys)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self.table} SET moved = moved + 1 WHERE {condition} RETURNING id::text",
                params,
            )
            moved = {key for (key,) in cursor.fetchall()}
            cursor.execute("INSERT INTO moved VALUES (%s, %s)", [keys.after, keys.upto])
        happening, self.in_batch = self.in_batch, None
        if happening is not None:
            happening(connection)
        if not self.poison.isdisjoint(moved):
            raise Mishap("poison")


class Interruptible(Runner):
    """A runner that can be overtaken between being handed rows and moving them."""

    before_batch: Callable[[], None] | None = None

    def _move(self, handed_out: BackfillRange, rows: int) -> None:
        happening, self.before_batch = self.before_batch, None
        if happening is not None:
            happening()
        super()._move(handed_out, rows)


class Worker:
    """A worker with a connection of its own that takes one step at a time."""

    def __init__(self, connection: BaseDatabaseWrapper, backfill: Backfill, work: Moving) -> None:
        self.connection = connection
        self.turn = Turn()
        with acting_on(self.connection):
            self.runner = Interruptible(
                self.connection, backfill, work, brake=OneStep(self.turn), stop=self.turn
            )

    def step(self) -> None:
        self.turn.clear()
        with acting_on(self.connection):
            self.runner.run()


@contextlib.contextmanager
def acting_on(connection: BaseDatabaseWrapper) -> Iterator[None]:
    usual = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = connection
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = usual


class Story:
    """One backfill, its workers, and what befalls them."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        sessions: list[BaseDatabaseWrapper],
        pg: psycopg.Connection,
        holder: psycopg.Connection,
        type: str,
        keys: list[Any],
        batch_size: int,
    ) -> None:
        self.connection, self.pg, self.holder = connection, pg, holder
        self.type, self.table, self.rows = type, f"t_{type}", len(keys)
        holder.rollback()
        self.pg.execute(f"TRUNCATE moved, {self.table}, zero_downtime_backfill CASCADE".encode())
        insert = f"INSERT INTO {self.table} SELECT unnest(%s::{self.type}[])"
        self.pg.execute(insert.encode(), [list(map(str, keys))])
        self.work = Moving(self.table)
        self.backfill = registry.register(connection, NAME, self.table)
        controls.tune(connection, self.backfill, batch_size=batch_size)
        self.workers = [Worker(session, self.backfill, self.work) for session in sessions]

    def befall(self, happening: str, number: int, amount: int) -> None:
        worker = self.workers[number]
        other = self.workers[(number + 1) % WORKERS]
        match happening:
            case "step":
                worker.step()
            case "overtaken before batch":
                worker.runner.before_batch = other.step
                worker.step()
            case "overtaken in batch":
                self.work.in_batch = lambda _: other.step()
                worker.step()
            case "raise in batch":
                self.work.in_batch = self._raise
                worker.step()
            case "lose connection in batch":
                self.work.in_batch = self._terminate
                worker.step()
            case "lose connection":
                self._terminate(worker.connection)
            case "replace worker":
                worker.connection.close()
                self.workers[number] = Worker(worker.connection, self.backfill, self.work)
            case "tune":
                controls.tune(self.connection, self.backfill, batch_size=amount)
            case "tune rate":
                controls.tune(self.connection, self.backfill, max_rate=amount)
            case "hold row":
                self.holder.rollback()
                hold = f"SELECT FROM {self.table} OFFSET {amount} LIMIT 1 FOR UPDATE"
                self.holder.execute(hold.encode())
            case "release row":
                self.holder.rollback()
            case _:
                with contextlib.suppress(Refused):
                    getattr(controls, happening)(self.connection, self.backfill)

    def _raise(self, connection: BaseDatabaseWrapper) -> None:
        raise Mishap("batch")

    def _terminate(self, connection: BaseDatabaseWrapper) -> None:
        connection.ensure_connection()
        pid = connection.connection.info.backend_pid
        self.pg.execute("SELECT pg_terminate_backend(%s, 9000)", [pid])

    def end(self) -> Backfill:
        """Let nothing more happen, and the workers work until they are done."""
        self.holder.rollback()
        self.work.in_batch = None
        with contextlib.suppress(Refused):
            controls.resume(self.connection, self.backfill)
        if self.stored.status == "cancelled":
            controls.retry(self.connection, self.backfill)
        for worker, _ in zip(itertools.cycle(self.workers), range(MOST_STEPS), strict=False):
            worker.step()
            if self.stored.status in ("failed", "succeeded"):
                return self.stored
        raise AssertionError(f"{self.stored.status} after {MOST_STEPS} steps")

    @property
    def stored(self) -> Backfill:
        return Backfill.objects.get(pk=self.backfill.pk)

    def moved(self) -> dict[str, int]:
        return dict(self._ask(f"SELECT id::text, moved FROM {self.table}"))

    def assert_ranges_are_a_partition(self) -> None:
        """One ends where the next begins, and the last one at the last row."""
        ranges = self._ask(f"SELECT after, upto FROM moved ORDER BY upto::{self.type}, after")
        last = self._ask(f"SELECT t.id::text FROM {self.table} AS t ORDER BY t.id DESC LIMIT 1")
        ends = [None, *(upto for _, upto in ranges)]
        assert [after for after, _ in ranges] == ends[:-1]
        assert [(end,) for end in ends[-1:] if end is not None] == last

    def assert_sessions_are_as_before(self) -> None:
        for worker in self.workers:
            assert not worker.connection.in_atomic_block
            if not worker.connection.is_usable():  # it was lost after the last step
                worker.connection.close()
            with worker.connection.cursor() as cursor:
                for setting in ("lock_timeout", "application_name"):
                    cursor.execute(
                        "SELECT setting IS NOT DISTINCT FROM reset_val "
                        "FROM pg_settings WHERE name = %s",
                        [setting],
                    )
                    assert cursor.fetchone() == (True,), setting

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self.pg.execute(sql.encode()).fetchall()


@pytest.fixture
def sessions(connection: BaseDatabaseWrapper) -> Iterator[list[BaseDatabaseWrapper]]:
    """A connection for each worker."""
    sessions: list[BaseDatabaseWrapper] = [connection.copy() for _ in range(WORKERS)]
    yield sessions
    for session in sessions:
        session.close()


@pytest.fixture
def holder(database_url: str) -> Iterator[psycopg.Connection]:
    """A client that holds rows."""
    with psycopg.connect(database_url) as holder:
        yield holder


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 1, "LOCK_TIMEOUT": 0.01})
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    table=TABLES,
    batch_size=st.integers(1, 20),
    happenings=HAPPENINGS,
    poison=st.sets(st.integers(0, 60), max_size=4),
)
def test_the_ranges_that_are_moved_are_the_table_and_do_not_overlap(
    connection: BaseDatabaseWrapper,
    sessions: list[BaseDatabaseWrapper],
    pg: psycopg.Connection,
    holder: psycopg.Connection,
    tables: None,
    table: tuple[str, list[Any]],
    batch_size: int,
    happenings: list[tuple[str, int, int]],
    poison: set[int],
) -> None:
    story = Story(connection, sessions, pg, holder, *table, batch_size)
    story.work.poison = {str(key) for number, key in enumerate(table[1]) if number in poison}
    for happening, number, amount in happenings:
        story.befall(happening, number, amount)

    ended = story.end()

    failed = {each.upto for each in ended.ranges.all()}
    assert story.work.poison <= failed
    assert ended.status == ("failed" if failed else "succeeded")
    assert ended.failed_batches == len(failed)
    assert ended.rows_done == story.rows - len(failed)
    assert story.moved() == {str(key): int(str(key) not in failed) for key in table[1]}

    story.work.poison = set()
    if failed:
        controls.retry(connection, story.backfill)
        ended = story.end()
    assert (ended.status, ended.failed_batches, ended.error) == ("succeeded", 0, "")
    assert ended.rows_done == story.rows
    assert story.moved() == {str(key): 1 for key in table[1]}
    assert not ended.ranges.exists()
    story.assert_ranges_are_a_partition()
    story.assert_sessions_are_as_before()


@pytest.fixture
def tables(pg: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table for each type of key, and the ranges that were moved."""
    monkeypatch.setattr("zero_downtime.backfills.runner.LOOK_AGAIN", 0.01)
    for type in ("bigint", "text", "uuid"):
        pg.execute(f"CREATE TABLE t_{type} (id {type} PRIMARY KEY, moved int DEFAULT 0)".encode())
    pg.execute("CREATE TABLE moved (after text, upto text)")
