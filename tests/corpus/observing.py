"""Running a migration on a real server and seeing what it does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.state import ProjectState

from tests.corpus import contents, old_code
from tests.corpus.contents import Contents
from tests.corpus.old_code import Deed, OldCode
from tests.corpus.tracing import Trace, Tracer

#: Gives a connection to a database of its own, and its URL, with these rows in the bookshop.
Databases = Callable[[str], AbstractContextManager[tuple[BaseDatabaseWrapper, str]]]

EMPTY, ORDINARY, AWKWARD = "empty", "ordinary", "awkward"


@dataclass
class Run:
    """What one run of a migration did."""

    trace: Trace
    before: Contents
    after: Contents | None = None
    error: str | None = None
    sqlstate: str | None = None
    """Of the last error, if the server raised it."""
    broken: dict[Deed, str] = field(default_factory=dict)
    back: Contents | None = None
    """After the way back, if rows were touched on the way there."""
    back_error: str | None = None


@dataclass
class Observation:
    """What a migration was seen to do to databases with different rows."""

    ordinary: Run
    awkward: Run | None
    """Not run if it fails on ordinary rows, or does not look at any."""
    fails_on_empty: bool = False


#: What code of people may raise in a migration, and Django before it asks the database.
FAILURES = (DatabaseError, ValueError, TypeError, LookupError, AttributeError, NotImplementedError)


class Observer:
    """Observes migrations that come after the same first one.

    `databases` gives databases in which that one has been run, with rows in them.
    """

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._unmigrated: tuple[OldCode, dict[Deed, Any]] | None = None
        """Code before any other migration, and what it can do."""
        self._loaded: dict[str, Contents] = {}

    def observe(self, migrations: Sequence[Migration]) -> Observation:
        """Run the last of the migrations on databases with different rows."""
        ordinary = self._run(migrations, ORDINARY, probing=True)
        if ordinary.error is None:
            awkward = self._run(migrations, AWKWARD) if ordinary.trace.touches_rows else None
            return Observation(ordinary, awkward)
        empty = self._run(migrations, EMPTY)
        return Observation(ordinary, None, fails_on_empty=empty.error is not None)

    def _run(self, migrations: Sequence[Migration], rows: str, *, probing: bool = False) -> Run:
        initial, *setup, own = migrations
        with self._databases(rows) as (connection, url):
            state = ProjectState()
            initial.mutate_state(state, preserve=False)
            for each in setup:
                state = _forwards(each, state, connection)
            running, could = self._running_code(state, bool(setup)) if probing else (None, {})
            connection.ensure_connection()
            server = connection.connection
            before = self._contents(server, rows, bool(setup))
            tracer = Tracer(connection, url)
            run = Run(tracer.trace, before)
            with _failures(run, "error"), connection.execute_wrapper(tracer):
                _forwards(own, state.clone(), connection, tracer)
            if run.error is not None:
                return run
            run.after = contents.look(server, values=False)
            if running:
                run.broken = _broken(running, could, run)
            with _failures(run, "back_error"):
                _backwards(own, state.clone(), connection)
                if run.trace.touches_rows:
                    run.back = contents.look(server)
            return run

    def _contents(self, server: psycopg.Connection, rows: str, migrated: bool) -> Contents:
        """Return what is in a database before the migration; copies of one have the same oids."""
        if migrated:
            return contents.look(server)
        if rows not in self._loaded:
            self._loaded[rows] = contents.look(server)
        return self._loaded[rows]

    def _running_code(self, state: ProjectState, migrated: bool) -> tuple[OldCode, dict[Deed, Any]]:
        if not migrated and self._unmigrated:
            return self._unmigrated
        code = OldCode(state.clone().apps)
        running = code, code.capabilities()
        if not migrated:
            self._unmigrated = running
        return running


def _broken(running: OldCode, could: dict[Deed, Any], run: Run) -> dict[Deed, str]:
    """Return what does not work any more. No table changes that was not locked for it."""
    locked = {oid for span in run.trace.spans for oid in span.locks}
    tables = {name for oid, name in run.before.tables.items() if oid in locked}
    if run.trace.sql and not tables:
        tables = set(run.before.tables.values())
    tried = running.deeds(tables)
    return old_code.broken(
        {deed: result for deed, result in could.items() if deed in tried},
        running.capabilities(tables),
    )


def _forwards(
    migration: Migration,
    state: ProjectState,
    connection: BaseDatabaseWrapper,
    tracer: Tracer | None = None,
) -> ProjectState:
    """Do what `migrate` does, inside and outside of the migration's transaction."""
    with connection.schema_editor(atomic=migration.atomic) as editor:
        state = migration.apply(state, editor)
        if tracer is not None:
            tracer.end_span()
    return state


def _backwards(migration: Migration, state: ProjectState, connection: BaseDatabaseWrapper) -> None:
    with connection.schema_editor(atomic=migration.atomic) as editor:
        migration.unapply(state, editor)


@contextlib.contextmanager
def _failures(run: Run, attribute: str) -> Iterator[None]:
    try:
        yield
    except IrreversibleError:
        setattr(run, attribute, "irreversible")
    except FAILURES as error:
        run.sqlstate = getattr(error.__cause__, "sqlstate", None)
        name = type(error).__name__
        setattr(run, attribute, f"{name} {run.sqlstate}" if run.sqlstate else f"{name}: {error}")
