from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connections, migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite

from tests.support.django_database import create_own_tables
from zero_downtime.guard.history import history
from zero_downtime.guard.journal import Journal
from zero_downtime.guard.waits import counted
from zero_downtime.lint.checksums import checksum
from zero_downtime.models import JournaledOperation, JournalEntry
from zero_downtime.signals import lock_retried, migration_ended

Outcome = JournalEntry.Outcome


class AddIndexMigration(migrations.Migration):
    operations = [migrations.RunSQL("SELECT 1"), migrations.DeleteModel("Order")]


@pytest.fixture
def migration() -> migrations.Migration:
    return AddIndexMigration("0002_order", "shop")


@pytest.fixture
def journal(connection: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> Journal:
    create_own_tables(connection)
    monkeypatch.setenv("LOGNAME", "ann")
    return Journal(connection, reason="it is small")


def run(journal: Journal, migration: migrations.Migration) -> None:
    """Do nothing, but note it all."""
    for index, operation in enumerate(migration.operations):
        noted = JournaledOperation(index=index, description=operation.describe())
        with journal.operation(noted):
            noted.sql_fingerprint = "0815"


def test_an_entry_says_what_ran(journal: Journal, migration: migrations.Migration) -> None:
    connection = journal.connection
    journal.begin(migration, is_backwards=False)
    run(journal, migration)
    journal.end(Outcome.APPLIED)

    document = json.loads(json.dumps(history(connection)))

    (entry,) = document["migrations"]
    assert document["version"] == 1
    assert datetime.fromisoformat(entry.pop("applied_at")).tzinfo is not None
    assert 0 <= entry.pop("duration_seconds") < 60
    assert entry.pop("versions").keys() == {
        "zero_downtime",
        "django",
        "psycopg",
        "python",
        "postgresql",
    }
    for operation in entry["operations"]:
        assert datetime.fromisoformat(operation.pop("started_at")).tzinfo is not None
        assert 0 <= operation.pop("duration_seconds") < 60
    of_both = {
        "waited_seconds": 0,
        "retries": 0,
        "outcome": "done",
        "sql_fingerprint": "0815",
    }
    assert entry == {
        "app": "shop",
        "name": "0002_order",
        "outcome": "applied",
        "backwards": False,
        "error": "",
        "user": "ann",
        "database_user": backend_user(connection),
        "host": socket.gethostname(),
        "checksum": checksum(migration),
        "waited_seconds": 0,
        "retries": 0,
        "reason": "it is small",
        "operations": [
            {"operation": 0, "description": "Raw SQL operation", **of_both},
            {"operation": 1, "description": "Delete model Order", **of_both},
        ],
    }


def backend_user(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


def test_a_migration_is_entered_once(journal: Journal, migration: migrations.Migration) -> None:
    journal.end(Outcome.FAILED)
    journal.begin(migration, is_backwards=True)
    journal.begin(migration, is_backwards=True)
    journal.end(Outcome.UNAPPLIED)
    journal.end(Outcome.FAILED)
    assert [entry["outcome"] for entry in history(journal.connection)["migrations"]] == [
        "unapplied"
    ]


def test_an_operation_that_is_tried_again_is_entered_once(
    journal: Journal, migration: migrations.Migration
) -> None:
    journal.begin(migration, is_backwards=False)
    with (
        suppress(ZeroDivisionError),
        journal.operation(JournaledOperation(index=0, description="tried", done=False)),
    ):
        raise ZeroDivisionError
    run(journal, migration)
    journal.end(Outcome.APPLIED)
    (entry,) = history(journal.connection)["migrations"]
    assert [each["outcome"] for each in entry["operations"]] == ["done", "done"]


def test_the_operation_that_failed_is_told_with_the_error(
    journal: Journal, migration: migrations.Migration
) -> None:
    journal.begin(migration, is_backwards=False)
    with (
        suppress(ZeroDivisionError),
        journal.operation(JournaledOperation(index=0, description="fails", done=False)),
    ):
        raise ZeroDivisionError
    journal.end(Outcome.FAILED, error="division by zero")
    (entry,) = history(journal.connection)["migrations"]
    assert (entry["outcome"], entry["error"]) == ("failed", "division by zero")
    assert [each["outcome"] for each in entry["operations"]] == ["failed"]


@pytest.mark.parametrize(
    ("is_backwards", "is_applied", "outcome"),
    [
        (False, True, "applied"),
        (False, False, "running"),
        (True, False, "unapplied"),
        (True, True, "running"),
    ],
)
def test_how_one_ended_that_died_after_django_had_recorded_it(
    journal: Journal,
    migration: migrations.Migration,
    is_backwards: bool,
    is_applied: bool,
    outcome: str,
) -> None:
    journal.begin(migration, is_backwards=is_backwards)
    journal.keep()
    Journal(journal.connection).settle({("shop", "0002_order")} if is_applied else ())
    (entry,) = history(journal.connection)["migrations"]
    assert entry["outcome"] == outcome


def test_one_that_was_begun_anew_is_not_known_to_have_ended(
    journal: Journal, migration: migrations.Migration
) -> None:
    for _ in range(2):
        journal.begin(migration, is_backwards=False)
        journal.keep()
    journal.end(Outcome.APPLIED)
    journal.settle({("shop", "0002_order")})
    outcomes = [entry["outcome"] for entry in history(journal.connection)["migrations"]]
    assert outcomes == ["running", "applied"]


def test_what_locks_cost_is_counted(journal: Journal, migration: migrations.Migration) -> None:
    with counted(journal.connection.alias) as journal.waits:
        journal.begin(migration, is_backwards=False)
        with journal.operation(JournaledOperation(index=0, description="waits")):
            lock_retried.send(None, alias=journal.connection.alias, waited=1.5)
            lock_retried.send(None, alias="another database", waited=100)
        with journal.operation(JournaledOperation(index=1, description="does not")):
            pass
        lock_retried.send(None, alias=journal.connection.alias, waited=0.5)
        journal.end(Outcome.APPLIED)
    (entry,) = history(journal.connection)["migrations"]
    assert (entry["waited_seconds"], entry["retries"]) == (2.0, 2)
    waited = [(each["waited_seconds"], each["retries"]) for each in entry["operations"]]
    assert waited == [(1.5, 1), (0, 0)]


def test_everybody_is_told_when_a_migration_ends(
    journal: Journal, migration: migrations.Migration
) -> None:
    told: list[tuple[str, str, str]] = []

    def listen(entry: JournalEntry, alias: str, **signal: object) -> None:
        told.append((alias, entry.name, entry.outcome))

    migration_ended.connect(listen)
    try:
        journal.begin(migration, is_backwards=False)
        journal.end(Outcome.FAKED)
    finally:
        migration_ended.disconnect(listen)
    assert told == [(journal.connection.alias, "0002_order", "faked")]


def test_without_its_table_it_is_empty_and_stays_so(
    connection: BaseDatabaseWrapper, migration: migrations.Migration
) -> None:
    journal = Journal(connection)
    journal.begin(migration, is_backwards=False)
    run(journal, migration)
    journal.end(Outcome.UNAPPLIED)
    assert history(connection) == {"version": 1, "migrations": []}


@pytest.fixture
def sqlite(connection: BaseDatabaseWrapper, tmp_path: Path) -> Iterator[SQLite]:
    settings = {**connection.settings_dict, "NAME": tmp_path / "db.sqlite3", "OPTIONS": {}}
    sqlite = SQLite(settings, "default")
    connections["default"] = sqlite
    yield sqlite
    sqlite.close()


def test_on_another_database_it_is_empty(sqlite: SQLite) -> None:
    assert history(sqlite) == {"version": 1, "migrations": []}
    create_own_tables(sqlite)
    assert history(sqlite) == {"version": 1, "migrations": []}


def test_a_user_without_a_name(
    connection: BaseDatabaseWrapper,
    migration: migrations.Migration,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_name() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    create_own_tables(connection)
    monkeypatch.setattr("getpass.getuser", no_name)
    monkeypatch.setattr("os.getuid", lambda: 1234)
    journal = Journal(connection)
    journal.begin(migration, is_backwards=False)
    journal.end(Outcome.FAILED)
    assert JournalEntry.objects.get().user == "1234"
