"""The connection dies after any statement of an operation; the operation, run again, ends well.

The short form is a few operations. The long form, `-m slow`, is the whole matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState
from pytest_django import DjangoDbBlocker

from tests.operations.matrix import CASES, Case, start
from tests.operations.test_same_schema import backwards, forwards, without_kept_defaults
from tests.support.databases import temporary_database
from tests.support.django_database import backend_pid, django_connected_to
from tests.support.schema import read_schema

SHORT = {
    "add null_unique_text",
    "add db_volatile",
    "add fk_default",
    "add many",
    "alter not null with default",
    "alter indexed to unique",
    "alter fk not null",
    "alter wider, null, unique, default and comment",
    "index partial in",
    "remove index",
    "constraint check",
    "constraint unique deferred",
}

# No two are alike, and none is in the way of any change of the matrix.
ROWS = """
    INSERT INTO shop_author VALUES (1, 'ann'), (2, 'bob');
    INSERT INTO shop_shelf VALUES (1);
    INSERT INTO shop_book (id, title, code, indexed, barcode, number, body, pages, stock, rank,
        price, level, remark, tags, meta, seen, writer_id, editor_id, soft_id, bare_id)
    SELECT n, 'title ' || n, 'code ' || n, left('i', n - 1), 'bar ' || n, n, 'body ' || n, n, n, 1,
        9.99, 1, 'remark ' || n, array['tag'], jsonb_build_object(), now(), n, n, n, n
    FROM generate_series(1, 2) AS n;
    INSERT INTO shop_comic (book_ptr_id, color) VALUES (1, true);
"""


class Assassin:
    """Counts the statements of a connection and ends its backend after a given one.

    A question asked after another one finds the database as that one did, so they count as one.
    What the operation does to temporary copies of the tables is not counted: that is a single
    transaction, which is undone.
    """

    def __init__(self, connection: BaseDatabaseWrapper, observer: psycopg.Connection) -> None:
        self.connection = connection
        self.observer = observer
        self.on_copies: bool
        self.on_question: bool

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        result = execute(sql, params, many, context)
        self.on_copies = self.connection.in_atomic_block and (
            self.on_copies or sql.startswith("SET LOCAL search_path TO pg_temp")
        )
        was_question, self.on_question = self.on_question, sql.lstrip().startswith("SELECT")
        if not (self.on_copies or (was_question and self.on_question)):
            self.seen += 1
            if self.seen == self.victim:
                pid = backend_pid(self.connection)
                self.observer.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        return result

    def watch(self, run: Callable[[], object], victim: int | None = None) -> int:
        """Let `run` die after statement number `victim`; return how many statements it sent."""
        self.seen, self.victim = 0, victim
        self.on_copies = self.on_question = False
        with self.connection.execute_wrapper(self):
            run()
        return self.seen


@pytest.fixture(scope="module")
def shop(
    server_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[BaseDatabaseWrapper, psycopg.Connection, ProjectState]]:
    """A shop with some books, a connection to it, and another one."""
    with (
        temporary_database(server_url) as url,
        django_db_blocker.unblock(),
        django_connected_to(url) as connection,
        psycopg.connect(url, autocommit=True) as observer,
    ):
        state = ProjectState()
        for operation in start():
            state = forwards(connection, operation, state)
        with connection.cursor() as cursor:
            cursor.execute(ROWS)
        yield connection, observer, state


def schema(connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    """Return the schema, but for the numbers of columns, which grow with every one dropped."""
    return [
        (*row[:2], None, *row[3:]) if row[0] == "column" else row for row in read_schema(connection)
    ]


def remains(observer: psycopg.Connection) -> list[tuple[str]]:
    """Return what has a name of ours, or is temporary."""
    return observer.execute(
        "SELECT relname FROM pg_class "
        "WHERE relname LIKE 'zero_downtime%' OR relpersistence = 't' "
        "UNION SELECT conname FROM pg_constraint WHERE conname LIKE 'zero_downtime%'"
    ).fetchall()


def settings(connection: BaseDatabaseWrapper) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings")
        return dict(cursor.fetchall())


def assert_survives(
    shop: tuple[BaseDatabaseWrapper, psycopg.Connection, ProjectState], case: Case
) -> None:
    connection, observer, state = shop
    if observer.info.server_version // 10000 < case.minimum_version:
        pytest.skip(f"needs PostgreSQL {case.minimum_version}")
    after = state.clone()
    case.make(False).state_forwards("shop", after)
    assassin = Assassin(connection, observer)

    def there() -> None:
        forwards(connection, case.make(False), state)

    def back() -> None:
        # What PostgreSQL does for nothing one way only is undone by Django's own operation.
        backwards(connection, case.make(case.one_way), state, after)

    def die_and_run_again(run: Callable[[], None], statements: int, victim: int) -> None:
        with suppress(OperationalError, InterfaceError):
            assassin.watch(run, victim)
        assert assassin.seen == min(victim, statements)
        connection.close()
        before = settings(connection)
        run()
        assert settings(connection) == before
        assert remains(observer) == []

    def changed() -> list[tuple[Any, ...]]:
        return without_kept_defaults(schema(connection), case)

    # Once there and back, some constraint bears the name that AlterField gives it, not the
    # name that CreateModel gave it.
    there()
    back()
    old = schema(connection)
    statements_there = assassin.watch(there)
    new = changed()
    statements_back = assassin.watch(back)
    assert schema(connection) == old
    for victim in range(1, max(statements_there, statements_back) + 1):
        die_and_run_again(there, statements_there, victim)
        assert changed() == new, f"killed after statement {victim} of the way there"
        die_and_run_again(back, statements_back, victim)
        assert schema(connection) == old, f"killed after statement {victim} of the way back"
    print(f"killed: {statements_there} there, {statements_back} back")


@pytest.mark.parametrize("case", [case for case in CASES if case.id in SHORT], ids=lambda c: c.id)
def test_killed_after_any_statement(
    shop: tuple[BaseDatabaseWrapper, psycopg.Connection, ProjectState], case: Case
) -> None:
    assert_survives(shop, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_killed_after_any_statement_of_the_whole_matrix(
    shop: tuple[BaseDatabaseWrapper, psycopg.Connection, ProjectState], case: Case
) -> None:
    assert_survives(shop, case)
