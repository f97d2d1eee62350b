"""A table with a column `name` that is about to change, and what each kind of change expects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from tests.support.databases import temporary_database
from tests.support.django_database import create_own_tables, django_connected_to
from tests.transitions.hunt.expected import Value
from tests.transitions.hunt.statements import Sides
from zero_downtime.backfills import registry
from zero_downtime.backfills.verification import compare
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Backfill, Transition

NAME = "shop.0003_backfill"


class Shop:
    """The expanded shop; `connection` is Django's, `observer` sees what is committed."""

    # Whether there are steps of the transition to be taken while clients write.
    has_steps: ClassVar[bool] = True
    # Whether old code leaves evidence that grows old.
    leaves_evidence: ClassVar[bool] = False
    # The side that waits for the backfill, and whether it can be NULL.
    mirror = "new"
    is_nullable = True
    # What `statements` has that this column cannot be written by.
    unfit: ClassVar[frozenset[str]] = frozenset()
    # The key is taken, the column is NOT NULL, or (as OperationalError) the statement was chosen to
    # end a deadlock, its snapshot is too old, or its backend was terminated.
    may_happen: ClassVar[tuple[type[psycopg.Error], ...]] = (
        psycopg.errors.UniqueViolation,
        psycopg.errors.NotNullViolation,
        psycopg.OperationalError,
    )

    def __init__(
        self, url: str, connection: BaseDatabaseWrapper, observer: psycopg.Connection
    ) -> None:
        self.url = url
        self.connection = connection
        self.observer = observer

    def start_over(self, rows: int) -> tuple[Backfill | None, dict[int, Value]]:
        """Let there be that many rows from before the expand, and a backfill that begins."""
        raise NotImplementedError

    def value(self, side: str, number: int) -> str:
        """Return a value that old or new code writes, which nobody else does."""
        raise NotImplementedError

    def sides(self, values: Mapping[str, Value]) -> Sides:
        """Return what a statement names that gives these values, as old or new code or both."""
        raise NotImplementedError

    @property
    def columns(self) -> Sequence[str]:
        """The columns that code reads."""
        return ["name"]

    def rows(self) -> dict[int, tuple[Value, Value]]:
        """Return what all rows hold, and what the other side has of it."""
        raise NotImplementedError

    def assert_right(self, committed: dict[int, Value], *, is_filled: bool) -> None:
        """Fail unless all rows hold what was written last, on both sides or on the one filled."""
        rows = self.rows()
        assert {key: visible for key, (visible, _) in rows.items()} == committed
        for visible, other in rows.values():
            assert other == self.counterpart(visible) or (other is None and not is_filled), rows

    def counterpart(self, visible: Value) -> Value:
        """Return what the other side of a row has to hold."""
        return visible

    def verify(self, *, is_filled: bool) -> None:
        """Compare both sides, as the user can at any time."""
        comparison = compare(self.connection, self.work(self.connection))
        odd = sum(value != self.counterpart(value) for value, _ in self.rows().values())
        assert comparison.differing == odd or not is_filled, comparison

    def work(self, connection: BaseDatabaseWrapper) -> CopyColumn:
        """Return the work of the backfill."""
        raise NotImplementedError

    def migrate(self, editor: BaseDatabaseSchemaEditor) -> None:
        """Take the next step of the transition, there or back."""
        raise NotImplementedError

    def let_time_pass(self) -> None:
        """Let the last write of old code be longer ago."""

    def mend(self, committed: dict[int, Value]) -> None:
        """Replace the values because of which the backfill has failed."""

    def finish(self, committed: dict[int, Value], is_refused: Callable[[], bool]) -> None:
        """Go on when nobody writes any more; `is_refused` takes the next step to its end."""

    @property
    def is_filled(self) -> bool:
        """Whether the backfill, if there is one, has come to its end."""
        statuses = self.ask("SELECT status FROM zero_downtime_backfill")
        return statuses in ([], [(Backfill.Status.SUCCEEDED,)])

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what anybody can see."""
        return self.observer.execute(sql.encode()).fetchall()

    def insert(self, committed: dict[int, Value], column: str = "name") -> None:
        """Let there be those rows, which no trigger has seen."""
        with self.observer.transaction():
            self.observer.execute("SET LOCAL session_replication_role = replica")
            self.observer.cursor().executemany(
                f"INSERT INTO shop_user (id, {column}) VALUES (%s, %s)".encode(),
                list(committed.items()),
            )

    def register_backfill(self, transition: Transition | None = None) -> Backfill:
        """Return a backfill that begins."""
        return registry.register(self.connection, NAME, "shop_user", transition)


@contextmanager
def opened(server_url: str, kind: Callable[..., Shop]) -> Iterator[Shop]:
    """Open such a shop in a database of its own."""
    with (
        temporary_database(server_url) as url,
        django_connected_to(url) as connection,
        psycopg.connect(url, autocommit=True) as observer,
    ):
        observer.execute("SELECT set_config('deadlock_timeout', '10ms', false)")
        (database,) = observer.execute("SELECT quote_ident(current_database())").fetchone() or ()
        observer.execute(f"ALTER DATABASE {database} SET deadlock_timeout = '10ms'".encode())
        create_own_tables(connection)
        yield kind(url, connection, observer)
