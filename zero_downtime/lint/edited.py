"""Applied migrations whose file is not what it was when it was applied, as the journal knows."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import date

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder

from zero_downtime.lint.checksums import checksum
from zero_downtime.models import JournalEntry
from zero_downtime.postgres import catalog

CONNECT_SECONDS = 2  # libpq takes no less

# Not by the ORM: it knows no connection but those of the settings.
_APPLIED = f"""
    SELECT id, app_label, name, checksum, applied_at, "user"
    FROM (
        SELECT DISTINCT ON (app_label, name) *
        FROM {JournalEntry._meta.db_table}
        ORDER BY app_label, name, id DESC
    ) AS entry
    WHERE outcome IN ('{JournalEntry.Outcome.APPLIED}', '{JournalEntry.Outcome.FAKED}')
        AND checksum <> ''
        AND EXISTS (
            SELECT FROM {MigrationRecorder.Migration._meta.db_table} AS recorded
            WHERE recorded.app = entry.app_label AND recorded.name = entry.name
        )
    ORDER BY id
"""


@dataclass(frozen=True)
class Edited:
    """A migration whose file is not what was applied."""

    migration: Migration
    entry: int
    """Primary key of the last entry about it in the journal."""
    applied_on: date
    user: str
    checksum: str
    """Of its file as it is now."""

    @property
    def name(self) -> str:
        return f"{self.migration.app_label}.{self.migration.name}"

    @property
    def message(self) -> str:
        return (
            f"Its file is not what was applied on {self.applied_on} by {self.user}; "
            "the database has what the old file says."
        )

    @property
    def remedy(self) -> str:
        arguments = f"{self.migration.app_label} {self.migration.name}"
        return (
            "Put the old one back, or take it as it is with: "
            f"manage.py migrate --accept-edited {arguments}"
        )

    def __str__(self) -> str:
        return f"{self.name}: {self.message} {self.remedy}"


def edited(connection: BaseDatabaseWrapper, migrations: Iterable[Migration]) -> list[Edited]:
    """Return which of `migrations` were changed after they were applied, in order of that.

    It reads their files, and one query tells what they were; nothing is returned of databases
    other than PostgreSQL, nor without our tables.
    """
    if connection.vendor != "postgresql":
        return []
    if not catalog.table_exists(connection, JournalEntry._meta.db_table):
        return []
    by_key = {(each.app_label, each.name): each for each in migrations}
    with connection.cursor() as cursor:
        cursor.execute(_APPLIED)
        entries = cursor.fetchall()
    found = []
    for entry, app_label, name, applied, applied_at, user in entries:
        migration = by_key.get((app_label, name))
        now = checksum(migration) if migration else ""
        if migration and now not in ("", applied):
            found.append(Edited(migration, entry, applied_at.date(), user, now))
    return found


def edited_if_known(alias: str, migrations: Iterable[Migration]) -> list[Edited]:
    """Return the same of a database that need not be there: nothing, if it does not answer soon.

    The connection is a new one, so that it is nobody's who waits longer for an answer, or is in a
    transaction.
    """
    try:
        with closing(connections[alias].copy()) as connection:
            options = {**connection.settings_dict.get("OPTIONS", {})}
            options.pop("pool", None)  # it has a patience of its own
            options["connect_timeout"] = CONNECT_SECONDS
            connection.settings_dict["OPTIONS"] = options
            return edited(connection, migrations)
    except Exception:  # no server, no driver, no right to read, a test that must not ask
        return []
