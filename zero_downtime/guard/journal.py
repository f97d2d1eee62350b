"""The journal: which migration ran when, for how long, by whom, and with what outcome.

What it says of an atomic migration commits together with the migration. Of any other it says
after each operation how far it is, so that a run that died can be continued.
"""

from __future__ import annotations

import getpass
import os
import platform
import socket
import time
from collections.abc import Container, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import django
import psycopg
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.utils import timezone

from zero_downtime import __version__
from zero_downtime.guard import entries
from zero_downtime.guard.waits import Waits
from zero_downtime.lint.checksums import checksum
from zero_downtime.models import JournaledOperation, JournalEntry
from zero_downtime.postgres import catalog
from zero_downtime.postgres.sessions import local_settings
from zero_downtime.signals import migration_ended

Outcome = JournalEntry.Outcome
LAZY_SECONDS = 1.0


@dataclass
class Record:
    """A migration that is being run, and what is known of it so far."""

    entry: JournalEntry
    waits_before: Waits
    began: float = field(default_factory=time.monotonic)
    operations: list[JournaledOperation] = field(default_factory=list)
    """Those that this process has run and that are not written yet."""
    earlier: JournalEntry | None = None
    """The entry of a process that died or failed at it."""
    is_committed: bool = False
    """The entry is in the database for good, whatever becomes of an open transaction."""


class Journal:
    """Writes down what one `migrate` does to one database.

    It may be that there is no table to write to: before our own migrations ran, and after they
    were taken back. Then nothing is written.

    Args:
        reason: why the safety check was overridden; empty when it was not.
        waits: what is counted while the migrations run.
    """

    def __init__(
        self, connection: BaseDatabaseWrapper, reason: str = "", waits: Waits | None = None
    ) -> None:
        self.connection = connection
        self.reason = reason
        self.waits = waits or Waits()
        self.current: Record | None = None
        self.is_lazy = False
        """Whether to write what ended only now and then, and at the latest in `flush`.

        For databases that nobody uses yet: what is lost with a process that is killed is what was
        noted in its last second, and the tests of a project are spared hundreds of statements.
        """
        self._unwritten: list[Record] = []
        self._checksums: dict[Migration, str] = {}
        self._flushed = time.monotonic()
        self._had_tables = False

    def settle(self, applied: Container[tuple[str, str]]) -> None:
        """Note how those ended that died between Django's record of them and ours.

        Args:
            applied: what Django has recorded, as (app label, name).
        """
        if not catalog.table_exists(self.connection, JournaledOperation._meta.db_table):
            return
        entries = JournalEntry.objects.using(self.connection.alias)
        for entry in entries.filter(outcome=Outcome.RUNNING):
            app_label, name = entry.app_label, entry.name
            is_last = entry == entries.filter(app_label=app_label, name=name).last()
            if is_last and ((app_label, name) in applied) != entry.is_backwards:
                outcome = Outcome.UNAPPLIED if entry.is_backwards else Outcome.APPLIED
                entries.filter(pk=entry.pk).update(outcome=outcome)

    def expect(self, migrations: Iterable[Migration]) -> None:
        """Read the files of migrations that are about to begin.

        All at once, because between statements each takes six times as long.
        """
        self._checksums |= {each: checksum(each) for each in migrations}

    def begin(self, migration: Migration, *, is_backwards: bool) -> None:
        """Note in memory that `migration` begins now."""
        if migration not in self._checksums:
            self.expect([migration])
        entry = JournalEntry(
            app_label=migration.app_label,
            name=migration.name,
            is_backwards=is_backwards,
            reason=self.reason,
            checksum=self._checksums[migration],
            **self._who,
        )
        self.current = Record(entry, self.waits.so_far())

    def keep(self, earlier: JournalEntry | None = None) -> None:
        """Write, for good, that the current migration is running; go on with an entry."""
        self.flush()  # what ended before stands before it
        record = self._record()
        if earlier is not None:
            record.earlier = earlier
            record.entry.pk = earlier.pk
            record.entry.reason = self.reason or earlier.reason
            record.entry.statements_done = earlier.statements_done
            record.entry.statements_left = earlier.statements_left
        self._write(record, Outcome.RUNNING)
        record.is_committed = record.entry.pk is not None

    @property
    def entry(self) -> JournalEntry:
        """The entry of the current migration."""
        return self._record().entry

    @contextmanager
    def operation(self, noted: JournaledOperation) -> Iterator[JournaledOperation]:
        """Note how long an operation of the current migration takes, and whether it gets done."""
        record = self._record()
        # It may be tried a second time.
        record.operations = [each for each in record.operations if each.index != noted.index]
        record.operations.append(noted)
        noted.started_at = timezone.now()
        began, before = time.monotonic(), self.waits.so_far()
        try:
            yield noted
            noted.done = True
        finally:
            waited = self.waits.since(before)
            noted.duration_seconds = round(time.monotonic() - began, 3)
            noted.waited_seconds = round(waited.seconds, 3)
            noted.retries = waited.retries

    def keep_operation(self, statements_left: list[str]) -> None:
        """Write the operation that is noted, in the caller's transaction if there is one.

        Args:
            statements_left: what the operations so far have left until the end.
        """
        record = self._record()
        entry = record.entry
        if entry.pk is None:
            return
        entry.statements_left = statements_left
        alias = self.connection.alias
        with transaction.atomic(using=alias), self._as_ourselves():
            self._insert(record)
            entry.save(using=alias, update_fields=["statements_done", "statements_left"])
        record.operations = []

    def _insert(self, record: Record) -> None:
        """Write what is noted of operations, instead of what was when they failed."""
        operations = JournaledOperation.objects.using(self.connection.alias)
        indexes = [each.index for each in record.operations]
        operations.filter(entry=record.entry, index__in=indexes).delete()
        operations.bulk_create(_of(record))

    def keep_statements(self, fingerprints: list[str]) -> None:
        """Write what the operation that is running has done so far."""
        entries = JournalEntry.objects.using(self.connection.alias)
        if self.entry.pk is not None:
            with self._as_ourselves():
                entries.filter(pk=self.entry.pk).update(statements_done=fingerprints)

    def write(self, outcome: Outcome) -> None:
        """Write how far the current migration is, in the caller's transaction."""
        if self.is_lazy:
            return
        self._write(self._record(), outcome)

    def end(self, outcome: Outcome, error: str = "") -> None:
        """Write how the current migration ended, unless that is written, and tell others."""
        record, self.current = self.current, None
        if record is None:
            return
        entry = record.entry
        if outcome == Outcome.FAILED and not record.is_committed:
            # What was written went with the transaction, and so did what was done in it.
            entry.pk = None
            record.operations = record.operations[-1:]
            for noted in record.operations:
                noted.done = False
        if self.is_lazy and not record.is_committed:
            self._complete(record, outcome, error)
            self._unwritten.append(record)
            if time.monotonic() - self._flushed > LAZY_SECONDS:
                self.flush()
        elif entry.pk is None or entry.outcome != outcome:
            self._write(record, outcome, error)
        migration_ended.send_robust(JournalEntry, entry=entry, alias=self.connection.alias)

    def flush(self) -> None:
        """Write what is not written yet, if there is a table to write to by now."""
        records = self._unwritten
        self._flushed = time.monotonic()
        if records and self._has_tables(records[-1].entry):
            self._unwritten = []
            alias = self.connection.alias
            with transaction.atomic(using=alias):
                JournalEntry.objects.using(alias).bulk_create(each.entry for each in records)
                JournaledOperation.objects.using(alias).bulk_create(
                    noted for record in records for noted in _of(record)
                )

    def _write(self, record: Record, outcome: Outcome, error: str = "") -> None:
        entry = record.entry
        if not self._has_tables(entry):
            return
        self._complete(record, outcome, error)
        if entry.pk is None:
            entries.insert(self.connection, entry, record.operations)
        else:
            # What of its statements is done stands there already, and only there.
            kept = {"id", "statements_done", "statements_left"}
            fields = [field.name for field in entry._meta.concrete_fields if field.name not in kept]
            with self._as_ourselves():
                entry.save(using=self.connection.alias, update_fields=fields)
                self._insert(record)
        record.operations = []

    def _complete(self, record: Record, outcome: Outcome, error: str) -> None:
        """Note how the migration ended, and what it took until now."""
        entry, earlier = record.entry, record.earlier
        waited = self.waits.since(record.waits_before)
        duration = time.monotonic() - record.began
        entry.outcome = outcome
        entry.error = error
        entry.duration_seconds = round(duration + (earlier.duration_seconds if earlier else 0), 3)
        entry.waited_seconds = round(waited.seconds + (earlier.waited_seconds if earlier else 0), 3)
        entry.retries = waited.retries + (earlier.retries if earlier else 0)

    def _has_tables(self, entry: JournalEntry) -> bool:
        # Our own migrations make them, and take them away.
        if not self._had_tables or entry.app_label == JournalEntry._meta.app_label:
            table = JournaledOperation._meta.db_table
            self._had_tables = catalog.table_exists(self.connection, table)
        return self._had_tables

    def _record(self) -> Record:
        assert self.current is not None, "no migration is being run"
        return self.current

    def _as_ourselves(self) -> AbstractContextManager[None]:
        """Write by the role and schemas of our begin, whatever a migration sets for the session."""
        names = {name: self._session[name] for name in ("role", "search_path")}
        return local_settings(self.connection, names)

    @cached_property
    def _who(self) -> dict[str, Any]:
        return {
            "user": _user(),
            "database_user": self._session["user"],
            "host": socket.gethostname(),
            "versions": {
                "zero_downtime": __version__,
                "django": django.__version__,
                "psycopg": psycopg.__version__,
                "python": platform.python_version(),
                "postgresql": self._session["server_version"],
            },
        }

    @cached_property
    def _session(self) -> dict[str, str]:
        """What the session was when the first migration began."""
        names = ("server_version", "role", "search_path")
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"SELECT current_user, {', '.join('current_setting(%s)' for _ in names)}", names
            )
            return dict(zip(("user", *names), cursor.fetchone(), strict=True))


def _of(record: Record) -> list[JournaledOperation]:
    for each in record.operations:
        # Not the entry itself: a router need not allow relations where our tables are.
        each.entry_id = record.entry.pk
    return record.operations


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in /etc/passwd
        return str(os.getuid())
