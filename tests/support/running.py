"""Running one migration without a command around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from zero_downtime.guard.journal import Journal
from zero_downtime.guard.running import Runner
from zero_downtime.models import JournalEntry
from zero_downtime.postgres.locks import lock_timeout


def migration(
    operations: Sequence[Operation], atomic: bool = True, name: str = "0002_change"
) -> migrations.Migration:
    contents = {"operations": list(operations), "atomic": atomic}
    kind = type("Migration", (migrations.Migration,), contents)
    made: migrations.Migration = kind(name, "shop")
    return made


def apply(
    connection: BaseDatabaseWrapper,
    applied: migrations.Migration,
    state: ProjectState,
    outcome: JournalEntry.Outcome = JournalEntry.Outcome.APPLIED,
    **kwargs: Any,
) -> ProjectState:
    """Apply a migration as Django's executor does, and end its entry in the journal."""
    journal = Journal(connection)
    journal.begin(applied, is_backwards=False)
    Runner(connection, journal, **kwargs).take_over(applied)
    try:
        with (
            lock_timeout(connection, 0.05),
            connection.schema_editor(atomic=applied.atomic) as editor,
        ):
            after = applied.apply(state.clone(), editor)
    except BaseException as error:
        journal.end(JournalEntry.Outcome.FAILED, str(error))
        raise
    journal.end(outcome)
    return after


def tables(pg: psycopg.Connection) -> set[str]:
    rows = pg.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'shop%'").fetchall()
    return {name for (name,) in rows}


def rows(pg: psycopg.Connection, table: str) -> int:
    row = pg.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])
