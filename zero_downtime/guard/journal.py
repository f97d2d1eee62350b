"""The journal: which migration ran when, for how long, by whom, and with what outcome."""

from __future__ import annotations

import getpass
import os
import time
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from zero_downtime.models import JournalEntry

HISTORY_VERSION = 1


class Journal:
    """Notes each migration of one `migrate` run.

    Args:
        reason: why the safety check was overridden; empty when it was not.
    """

    def __init__(self, connection: BaseDatabaseWrapper, reason: str = "") -> None:
        self.connection = connection
        self.reason = reason
        self.running: Migration | None = None
        self.started = 0.0

    def begin(self, migration: Migration) -> None:
        """Note that `migration` begins now."""
        self.running = migration
        self.started = time.monotonic()

    def end(self, outcome: JournalEntry.Outcome) -> None:
        """Write the entry of the migration that is running, if one is.

        After `migrate zero_downtime zero` there is no table left to write to.
        """
        migration, self.running = self.running, None
        if migration is None or not _has_table(self.connection):
            return
        JournalEntry.objects.using(self.connection.alias).create(
            app_label=migration.app_label,
            name=migration.name,
            duration_seconds=round(time.monotonic() - self.started, 3),
            outcome=outcome,
            user=_user(),
            reason=self.reason,
            operations=[operation.describe() for operation in migration.operations],
        )


def history(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return the JSON document of `manage.py migrate --history --json`, oldest entry first."""
    entries: list[JournalEntry] = []
    if _has_table(connection):
        entries = list(JournalEntry.objects.using(connection.alias))
    return {
        "version": HISTORY_VERSION,
        "migrations": [
            {
                "app": entry.app_label,
                "name": entry.name,
                "applied_at": entry.applied_at.isoformat(),
                "duration_seconds": entry.duration_seconds,
                "outcome": entry.outcome,
                "user": entry.user,
                "reason": entry.reason,
                "operations": entry.operations,
            }
            for entry in entries
        ],
    }


def _has_table(connection: BaseDatabaseWrapper) -> bool:
    """Ask as Django does: the history can be asked for on any database."""
    return JournalEntry._meta.db_table in connection.introspection.table_names()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in /etc/passwd
        return str(os.getuid())
