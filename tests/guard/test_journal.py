from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connections, migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite

from tests.support.django_database import create_own_tables
from zero_downtime.guard.journal import Journal, history
from zero_downtime.models import JournalEntry


class AddIndexMigration(migrations.Migration):
    operations = [migrations.RunSQL("SELECT 1"), migrations.DeleteModel("Order")]


@pytest.fixture
def migration() -> migrations.Migration:
    return AddIndexMigration("0002_order", "shop")


def test_an_entry_says_what_ran(
    connection: BaseDatabaseWrapper,
    migration: migrations.Migration,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_own_tables(connection)
    monkeypatch.setenv("LOGNAME", "ann")
    journal = Journal(connection, reason="it is small")
    journal.begin(migration)
    journal.end(JournalEntry.Outcome.APPLIED)
    document = json.loads(json.dumps(history(connection)))
    (entry,) = document["migrations"]
    assert document["version"] == 1
    assert datetime.fromisoformat(entry.pop("applied_at")).tzinfo is not None
    assert 0 <= entry.pop("duration_seconds") < 60
    assert entry == {
        "app": "shop",
        "name": "0002_order",
        "outcome": "applied",
        "user": "ann",
        "reason": "it is small",
        "operations": ["Raw SQL operation", "Delete model Order"],
    }


def test_a_migration_is_entered_once(
    connection: BaseDatabaseWrapper, migration: migrations.Migration
) -> None:
    create_own_tables(connection)
    journal = Journal(connection)
    journal.end(JournalEntry.Outcome.FAILED)
    journal.begin(migration)
    journal.begin(migration)  # tried again
    journal.end(JournalEntry.Outcome.UNAPPLIED)
    journal.end(JournalEntry.Outcome.FAILED)
    assert [entry["outcome"] for entry in history(connection)["migrations"]] == ["unapplied"]


def test_without_its_table_it_is_empty_and_stays_so(
    connection: BaseDatabaseWrapper, migration: migrations.Migration
) -> None:
    journal = Journal(connection)
    journal.begin(migration)
    journal.end(JournalEntry.Outcome.UNAPPLIED)
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
    journal.begin(migration)
    journal.end(JournalEntry.Outcome.FAILED)
    assert JournalEntry.objects.get().user == "1234"
