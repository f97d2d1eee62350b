"""Reading the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from zero_downtime.models import JournaledOperation, JournalEntry
from zero_downtime.postgres import catalog

VERSION = 1

Outcome = JournalEntry.Outcome


def history(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return the JSON document of `manage.py migrate --history --json`, oldest entry first."""
    return {
        "version": VERSION,
        "migrations": [_as_json(entry) for entry in _entries(connection)],
    }


def as_line(entry: dict[str, Any]) -> str:
    """Return what `--history` says of one of its migrations."""
    line = "{applied_at}  {app}.{name}  {outcome} by {user} in {duration_seconds:.3f} s"
    said = [line.format(**entry)]
    if entry["backwards"]:
        said.append("backwards")
    if entry["retries"]:
        said.append("{retries} tries for locks failed, {waited_seconds:.1f} s".format(**entry))
    said += [f"{name}: {entry[key]}" for key, name in _MORE.items() if entry[key]]
    return "  ".join(said)


_MORE = {"reason": "unsafe", "error": "error"}


def unfinished(
    connection: BaseDatabaseWrapper, migration: Migration, *, is_backwards: bool
) -> JournalEntry | None:
    """Return the last entry of `migration` if it was begun that way and did not end.

    One that failed and was atomic has left nothing behind to go on with. Only one migrates at a
    time, so whoever asks knows that nobody is at it.
    """
    last: JournalEntry | None = None
    if catalog.table_exists(connection, JournaledOperation._meta.db_table):
        entries = JournalEntry.objects.using(connection.alias)
        last = entries.filter(app_label=migration.app_label, name=migration.name).last()
    if last is None or last.is_backwards != is_backwards:
        return None
    return last if last.outcome in (Outcome.RUNNING, Outcome.FAILED) else None


def _entries(connection: BaseDatabaseWrapper) -> Iterator[JournalEntry]:
    if _has_tables(connection):
        yield from JournalEntry.objects.using(connection.alias).prefetch_related("operations")


def _has_tables(connection: BaseDatabaseWrapper) -> bool:
    """Ask as Django does: the history can be asked for on any database."""
    return JournaledOperation._meta.db_table in connection.introspection.table_names()


def _as_json(entry: JournalEntry) -> dict[str, Any]:
    return {
        "app": entry.app_label,
        "name": entry.name,
        "applied_at": entry.applied_at.isoformat(),
        "duration_seconds": entry.duration_seconds,
        "waited_seconds": entry.waited_seconds,
        "retries": entry.retries,
        "outcome": entry.outcome,
        "backwards": entry.is_backwards,
        "error": entry.error,
        "user": entry.user,
        "database_user": entry.database_user,
        "host": entry.host,
        "versions": entry.versions,
        "checksum": entry.checksum,
        "reason": entry.reason,
        "operations": [
            {
                "operation": each.index,
                "description": each.description,
                "started_at": each.started_at.isoformat(),
                "duration_seconds": each.duration_seconds,
                "waited_seconds": each.waited_seconds,
                "retries": each.retries,
                "outcome": "done" if each.done else "failed",
                "sql_fingerprint": each.sql_fingerprint,
            }
            for each in entry.operations.all()
        ],
    }
