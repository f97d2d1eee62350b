"""What each statement of a migration takes and does, asked of the server while it runs."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors

from tests.corpus.contents import BIG
from tests.support import witness

#: Locks from this one on keep others from writing.
STRONG = witness.LOCK_MODES[witness.LOCK_MODES.index("Share") :]

#: As much is kept of what was run: so many statements, so many letters of each.
_KEPT, _SHOWN = 12, 300

#: Statements that take no lock which blocks others; many of them are measured as one.
_ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "SAVEPOINT", "RELEASE")


@dataclass
class Span:
    """A statement, or several in a row that only read and write rows."""

    transaction: int
    locks: dict[int, str]
    """The strongest lock held on each relation when it had ended, by oid."""
    rows_read: int
    written: dict[int, int]
    """How many rows of which tables were written, by oid."""
    rewritten: set[int]
    """Tables that got a new file with something in it."""
    emptied: set[int]
    """Tables that got a new file with nothing in it."""


@dataclass
class Trace:
    """All that a migration did."""

    sql: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    touches_few_rows: bool = False
    """Statements that are transactions of their own read or wrote some, too."""

    @property
    def touches_rows(self) -> bool:
        """If not, it does the same whatever rows there are."""
        return self.touches_few_rows or any(
            span.rows_read or span.written or span.rewritten or span.emptied for span in self.spans
        )


class Tracer:
    """Traces what goes through a connection of Django's, as an execute wrapper."""

    def __init__(self, connection: BaseDatabaseWrapper, url: str) -> None:
        self.trace = Trace()
        self._connection = connection
        self._url = url
        self._transaction = 0
        self._waiting_for_commit = False
        self._open_span = False
        # A table does not count the rows of its index-only scans, and whether the planner takes one
        # depends on what VACUUM could mark as visible: on the minute, not on the migration.
        self._server.execute("SET enable_indexonlyscan = off")
        self._before = self._counters()
        self._files = witness.storage(self._server)

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self._note(sql)
        rows_only = str(sql).lstrip().upper().startswith(_ROWS)

        def run() -> Any:
            return execute(sql, params, many, context)

        if self._connection.in_atomic_block:
            return self._in_transaction(run, rows_only)
        if rows_only:
            return self._rows_by_themselves(run, context["cursor"])
        return self._by_itself(run)

    def end_span(self) -> None:
        """Measure what was done since the last measurement."""
        if self._open_span:
            self._open_span = False
            self._measure(witness.locks(self._server))

    @property
    def _server(self) -> psycopg.Connection:
        """The connection below Django's, so that what is asked here is not traced."""
        self._connection.ensure_connection()
        server: psycopg.Connection = self._connection.connection
        return server

    def _note(self, sql: Any) -> None:
        """Keep a statement, without its parameters: they may be of this very second."""
        if len(self.trace.sql) < _KEPT:
            self.trace.sql.append(" ".join(str(sql).split())[:_SHOWN])

    def _in_transaction(self, execute: Callable[[], Any], rows_only: bool) -> Any:
        if not self._waiting_for_commit:
            self._waiting_for_commit = True
            self._connection.on_commit(self._committed)
        if not rows_only:
            self.end_span()
        result = execute()
        self._open_span = True
        if not rows_only:
            self.end_span()
        return result

    def _committed(self) -> None:
        self.end_span()
        self._waiting_for_commit = False
        self._transaction += 1

    def _rows_by_themselves(self, execute: Callable[[], Any], cursor: Any) -> Any:
        """Measure such a statement only when it is about many rows: there may be thousands."""
        result = execute()
        self._transaction += 1
        if cursor.rowcount >= BIG:
            self._measure({})
        else:
            self.trace.touches_few_rows = True
        return result

    def _by_itself(self, execute: Callable[[], Any]) -> Any:
        """Run a statement that commits by itself so that its locks are seen before it does."""
        self._transaction += 1
        self._before = self._counters()
        try:
            with transaction.atomic(self._connection.alias):
                result = execute()
                self._measure(witness.locks(self._server))
                return result
        except DatabaseError as error:
            if not isinstance(error.__cause__, errors.ActiveSqlTransaction):
                raise
        with _held_up(self._url, self._server.info.backend_pid) as requested:
            result = execute()
        self._measure(requested)
        return result

    def _measure(self, locks: dict[int, str]) -> None:
        counters, files = self._counters(), witness.storage(self._server)
        done = counters - self._before
        replaced = self._replaced(files)
        self.trace.spans.append(
            Span(
                self._transaction,
                {oid: mode for oid, mode in locks.items() if mode in STRONG},
                rows_read=sum(number for (_, kind), number in done.items() if kind == "read"),
                written={oid: number for (oid, kind), number in done.items() if kind == "written"},
                rewritten={oid for oid, size in replaced.items() if size},
                emptied={oid for oid, size in replaced.items() if not size},
            )
        )
        self._before, self._files = counters, files

    def _replaced(self, files: dict[int, int]) -> dict[int, int]:
        """Return the sizes of tables whose file is another one now."""
        replaced = [oid for oid, file in files.items() if self._files.get(oid, file) != file]
        sizes = self._server.execute(
            "SELECT oid, pg_relation_size(oid) FROM pg_class "
            "WHERE oid = ANY(%s) AND relkind <> 'i'",
            [replaced],
        )
        return dict(sizes.fetchall())

    def _counters(self) -> Counter[tuple[int, str]]:
        """Return the rows read and written of each table since the server counts.

        What the backend has counted itself is not in the server's own numbers yet; it hands it
        over between statements, so that one statement has to ask for both.
        """
        counted: Counter[tuple[int, str]] = Counter()
        numbers = (
            "SELECT relid, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0), "
            "n_tup_ins + n_tup_upd + n_tup_del FROM"
        )
        for oid, read, written in self._server.execute(
            f"{numbers} pg_stat_user_tables UNION ALL {numbers} pg_stat_xact_user_tables"
        ):
            counted[oid, "read"] += read
            counted[oid, "written"] += written
        return counted


@contextlib.contextmanager
def _held_up(url: str, pid: int) -> Iterator[dict[int, str]]:
    """Hold up the statement of a backend where it keeps others from writing; fill in its lock.

    It can run in no transaction, so that its locks cannot be looked at when it has ended. One that
    lets others write still waits for those that do, at some time.
    """
    requested: dict[int, str] = {}
    ended = threading.Event()
    with psycopg.connect(url) as blocker, psycopg.connect(url, autocommit=True) as observer:
        tables = blocker.execute(
            "SELECT string_agg(format('%s', oid::regclass), ', ') FROM pg_class "
            "WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        ).fetchone()
        assert tables is not None
        blocker.execute(f"LOCK TABLE {tables[0]} IN ROW EXCLUSIVE MODE")

        def let_go_when_waiting() -> None:
            while not ended.wait(0.002):
                rows = observer.execute(
                    "SELECT relation, replace(mode, 'Lock', '') FROM pg_locks "
                    "WHERE pid = %s AND NOT granted",
                    [pid],
                ).fetchall()
                if rows:
                    requested.update((oid, mode) for oid, mode in rows if oid is not None)
                    break
            blocker.rollback()

        thread = threading.Thread(target=let_go_when_waiting)
        thread.start()
        try:
            yield requested
        finally:
            ended.set()
            thread.join()
