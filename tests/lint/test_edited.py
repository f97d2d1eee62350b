from __future__ import annotations

from importlib import import_module

import pytest
from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import DjangoDbBlocker

from tests.support.django_database import create_own_tables
from zero_downtime.lint.checksums import checksum
from zero_downtime.lint.edited import Edited, edited, edited_if_known
from zero_downtime.models import JournalEntry

Outcome = JournalEntry.Outcome


@pytest.fixture
def migration(connection: BaseDatabaseWrapper) -> migrations.Migration:
    """A migration that is recorded as applied."""
    create_own_tables(connection)
    recorder = MigrationRecorder(connection)
    recorder.ensure_schema()
    recorder.record_applied("zero_downtime", "0001_initial")
    module = import_module("zero_downtime.migrations.0001_initial")
    made: migrations.Migration = module.Migration("0001_initial", "zero_downtime")
    return made


def enter(migration: migrations.Migration, outcome: Outcome, checksum: str) -> JournalEntry:
    return JournalEntry.objects.create(
        app_label=migration.app_label,
        name=migration.name,
        outcome=outcome,
        checksum=checksum,
        user="ann",
    )


def test_the_last_entry_counts(
    connection: BaseDatabaseWrapper, migration: migrations.Migration
) -> None:
    enter(migration, Outcome.APPLIED, checksum(migration))
    enter(migration, Outcome.UNAPPLIED, checksum(migration))
    last = enter(migration, Outcome.APPLIED, "0815")

    now = checksum(migration)
    assert edited(connection, [migration]) == [
        Edited(migration, last.pk, last.applied_at.date(), "ann", now)
    ]
    assert edited(connection, []) == []
    enter(migration, Outcome.FAKED, now)
    assert edited(connection, [migration]) == []


@pytest.mark.parametrize("outcome", [Outcome.RUNNING, Outcome.FAILED, Outcome.UNAPPLIED])
def test_what_did_not_end_well_is_not_judged(
    connection: BaseDatabaseWrapper, migration: migrations.Migration, outcome: Outcome
) -> None:
    enter(migration, Outcome.APPLIED, "0815")
    enter(migration, outcome, "4711")
    assert edited(connection, [migration]) == []


def test_it_is_not_known_of_migrations_that_were_in_no_file(
    connection: BaseDatabaseWrapper, migration: migrations.Migration
) -> None:
    enter(migration, Outcome.APPLIED, "")
    assert edited(connection, [migration]) == []


def test_a_test_that_must_not_ask_a_database_is_not_disturbed(
    connection: BaseDatabaseWrapper,
    migration: migrations.Migration,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    enter(migration, Outcome.APPLIED, "0815")
    assert len(edited_if_known(connection.alias, [migration])) == 1
    with django_db_blocker.block():
        assert edited_if_known(connection.alias, [migration]) == []
