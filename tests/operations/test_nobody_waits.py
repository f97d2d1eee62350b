"""While our operations run on a big table, clients read and write, and hardly notice.

The short form runs a few operations on a small table. The long form, `-m slow`, runs the whole
matrix, there and back, on 1,000,000 rows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from tests.operations.matrix import CASES, Case, start
from tests.operations.test_same_schema import backwards, forwards, require_version, state_after
from tests.support.databases import temporary_database
from tests.support.django_database import backend_pid, django_connected_to
from tests.support.waiting import wait_for
from zero_downtime.errors import Refused

LOCK_TIMEOUT = 0.5
TOLERANCE = 0.05
CLIENTS = 2

# What the server says, at DEBUG1, when it begins to read or write a whole table.
BIG_WORK = ("building index", "rewriting table", "verifying table", "validating foreign key")
BLOCKS_WRITES = {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}

SHORT = {
    "add null_indexed_char",
    "add int_default",
    "add fk_null",
    "alter not null",
    "alter unique char",
    "index partial",
    "constraint check",
    "constraint unique deferred",
}

FILL = """
    INSERT INTO shop_author SELECT n, 'handle ' || n FROM generate_series(1, {rows}) AS n;
    INSERT INTO shop_shelf SELECT n FROM generate_series(1, 10) AS n;
    INSERT INTO shop_book (id, title, code, indexed, barcode, number, body, pages, stock, rank,
        price, level, remark, tags, meta, seen, writer_id, editor_id, soft_id, bare_id)
    SELECT n, 'title ' || n, 'code ' || n, 'i ' || n, 'barcode ' || n, n, 'body ' || n, n, n, 1,
        9.99, 1, 'remark ' || n, array['tag'], jsonb_build_object(), now(), n % 100 + 1, n,
        n % 100 + 1, n % 100 + 1
    FROM generate_series(1, {rows}) AS n;
    INSERT INTO shop_comic (book_ptr_id, color) SELECT n, true FROM generate_series(1, 100) AS n;
    ANALYZE;
"""

REQUESTS = (
    "SELECT title FROM shop_book WHERE id = 1 + (random() * {rows})::int",
    "UPDATE shop_book SET price = price + 1 WHERE id = 1 + (random() * {rows})::int",
    "UPDATE shop_author SET handle = handle WHERE id = 1 + (random() * {rows})::int",
    "SELECT count(*) FROM shop_book WHERE id BETWEEN 5 AND 50",
)


@dataclass
class Client(threading.Thread):
    """A session that sends requests until told to stop."""

    url: str
    rows: int
    requests: Sequence[str] = REQUESTS
    stopping: threading.Event = field(default_factory=threading.Event)
    served: int = 0
    failure: Exception | None = None

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        try:
            # Django does not let the driver prepare statements either.
            with psycopg.connect(self.url, autocommit=True, prepare_threshold=None) as connection:
                while not self.stopping.is_set():
                    for request in self.requests:
                        connection.execute(request.format(rows=self.rows).encode())
                        self.served += 1
        except Exception as failure:
            self.failure = failure

    __hash__ = threading.Thread.__hash__


@contextmanager
def clients(url: str, rows: int, requests: Sequence[str] = REQUESTS) -> Iterator[None]:
    """Let clients work; at the end all must have served requests without an error."""
    working = [Client(url, rows, requests) for _ in range(CLIENTS)]
    for client in working:
        client.start()
    wait_for(lambda: all(client.served for client in working), "the clients to begin")
    try:
        yield
    finally:
        for client in working:
            client.stopping.set()
            client.join()
    assert [client.failure for client in working] == [None] * CLIENTS


@dataclass
class Waits(threading.Thread):
    """Looks all the time for sessions that wait for a lock because of one backend.

    Asked of the server, because on a loaded machine a client is slow for many reasons.
    """

    url: str
    culprit: int
    stopping: threading.Event = field(default_factory=threading.Event)
    longest: float = 0.0
    looks: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as observer:
            while not self.stopping.is_set():
                row = observer.execute(
                    "SELECT extract(epoch FROM max(clock_timestamp() - waitstart))::float8 "
                    "FROM pg_locks WHERE NOT granted AND %s = ANY (pg_blocking_pids(pid))",
                    [self.culprit],
                ).fetchone()
                assert row is not None
                self.longest = max(self.longest, row[0] or 0.0)
                self.looks += 1

    __hash__ = threading.Thread.__hash__


@contextmanager
def waits_because_of(connection: BaseDatabaseWrapper, url: str) -> Iterator[Waits]:
    """Measure how long anybody waits because of our session."""
    waits = Waits(url, backend_pid(connection))
    waits.start()
    wait_for(lambda: waits.looks, "the first look")
    try:
        yield waits
    finally:
        waits.stopping.set()
        waits.join()


@contextmanager
def watched(connection: BaseDatabaseWrapper, url: str) -> Iterator[list[str]]:
    """Collect what our session does to whole tables while it holds a lock that blocks writes."""
    connection.ensure_connection()
    session: psycopg.Connection[Any] = connection.connection
    pid = session.info.backend_pid
    wrong: list[str] = []
    with psycopg.connect(url, autocommit=True) as observer:

        def notice(diagnostic: psycopg.errors.Diagnostic) -> None:
            message = diagnostic.message_primary or ""
            if not message.startswith(BIG_WORK):
                return
            locks = observer.execute(
                "SELECT relname, mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation "
                "WHERE pid = %s AND granted AND relkind IN ('r', 'p') "
                "AND relnamespace = 'public'::regnamespace AND mode = ANY (%s)",
                [pid, list(BLOCKS_WRITES)],
            ).fetchall()
            wrong.extend(f"{message}, holding {mode} on {table}" for table, mode in locks)

        session.add_notice_handler(notice)
        session.execute("SET client_min_messages = debug1")
        try:
            yield wrong
        finally:
            session.remove_notice_handler(notice)
            session.execute("RESET client_min_messages")


def big_shop(
    server_url: str, rows: int, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[BaseDatabaseWrapper, str, int]]:
    with (
        temporary_database(server_url) as url,
        django_db_blocker.unblock(),
        django_connected_to(url) as connection,
    ):
        state = state_after([])
        for operation in start():
            state = forwards(connection, operation, state)
        with connection.cursor() as cursor:
            cursor.execute(FILL.format(rows=rows))
        yield connection, url, rows


@pytest.fixture(scope="module")
def small_shop(
    server_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[BaseDatabaseWrapper, str, int]]:
    yield from big_shop(server_url, 20_000, django_db_blocker)


@pytest.fixture(scope="module")
def huge_shop(
    server_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[BaseDatabaseWrapper, str, int]]:
    yield from big_shop(server_url, 1_000_000, django_db_blocker)


def assert_nobody_waits(shop: tuple[BaseDatabaseWrapper, str, int], case: Case) -> None:
    connection, url, rows = shop
    require_version(connection, case)
    state = state_after(start())
    operation = case.make(False)
    with (
        override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": LOCK_TIMEOUT}),
        watched(connection, url) as wrong,
        waits_because_of(connection, url) as waits,
        clients(url, rows),
    ):
        after = forwards(connection, operation, state)
        if case.one_way:
            with pytest.raises(Refused, match="ExpandAlterField"):
                backwards(connection, operation, state, after)
        else:
            backwards(connection, operation, state, after)
    if case.one_way:
        backwards(connection, case.make(True), state, after)
    assert waits.longest < LOCK_TIMEOUT + TOLERANCE
    # The table of a many-to-many field is new and empty, whatever is built on it.
    assert [each for each in wrong if "shop_book_many" not in each] == []


def test_the_watch_sees_what_django_does(
    small_shop: tuple[BaseDatabaseWrapper, str, int],
) -> None:
    connection, url, _ = small_shop
    state = state_after(start())
    (case,) = (case for case in CASES if case.id == "index plain")
    # In a transaction the lock is still there when the watch comes to look.
    with watched(connection, url) as wrong, transaction.atomic():
        after = forwards(connection, case.make(True), state)
        backwards(connection, case.make(True), state, after)
    assert wrong == [
        'building index "new_index" on table "shop_book" serially, holding ShareLock on shop_book'
    ]


@pytest.mark.parametrize("case", [case for case in CASES if case.id in SHORT], ids=lambda c: c.id)
def test_on_a_small_table(small_shop: tuple[BaseDatabaseWrapper, str, int], case: Case) -> None:
    assert_nobody_waits(small_shop, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_on_a_million_rows(huge_shop: tuple[BaseDatabaseWrapper, str, int], case: Case) -> None:
    assert_nobody_waits(huge_shop, case)
