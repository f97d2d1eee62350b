"""What is reported about migrations: for a command, a system check, a test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import DatabaseError, connections
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from zero_downtime import conf
from zero_downtime.errors import UnknownName
from zero_downtime.lint.baseline import Baseline, Entry
from zero_downtime.lint.changed_files import changed_since
from zero_downtime.lint.edited import Edited, edited_if_known
from zero_downtime.lint.estimates import with_sizes
from zero_downtime.lint.findings import Report
from zero_downtime.lint.fingerprints import identified
from zero_downtime.lint.judge import judge
from zero_downtime.lint.loading import load
from zero_downtime.lint.registry import all_rules
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.scope import migrations_in_scope, squashed_in_scope
from zero_downtime.lint.sizes import Sizes
from zero_downtime.lint.source import MigrationSource
from zero_downtime.lint.suppressions import suppress


@dataclass(frozen=True)
class Request:
    """Which migrations are to be judged, and by what."""

    app_labels: Sequence[str] = ()
    """None for all."""
    migration_name: str | None = None
    """One migration of the only app; its beginning will do."""
    third_party: bool = False
    """With no labels: those of installed packages as well."""
    since: str | None = None
    """Only those whose files differ from where the branch left this commit."""
    unapplied_in: str | None = None
    """Only those that this database lacks. They are judged as one plan."""
    rules: Collection[Rule] = field(default_factory=all_rules)
    journal_of: str | None = None
    """The database that knows what migrations were when they were applied, if it can be asked."""
    baseline: Baseline = field(default_factory=Baseline)
    sizes: Sizes | None = None
    """Of the tables where the migrations will run, if they are known."""


def baseline_file() -> Path | None:
    """Return the file that `LINT_BASELINE` names, if it does."""
    path = conf.get("LINT_BASELINE")
    return Path(path) if path is not None else None


def configured_baseline() -> Baseline:
    """Return what is in that file; nothing, if it is not set."""
    file = baseline_file()
    return Baseline.read(file) if file else Baseline()


def report_on(request: Request) -> Report:
    """Judge what is requested.

    Raises:
        CommandError: with exit code 2, if there is no such thing as is requested.
    """
    loader = _loader(request)
    wanted = _filter(request, loader)
    migrations, squashed = (list(filter(wanted, each)) for each in _in_scope(request, loader))
    of_squashed = [rule for rule in request.rules if rule.always_fails or rule.asks_journal]
    together = request.unapplied_in is not None
    edited = _edited(request, [*migrations, *squashed])
    report = lint(loader, migrations, request.rules, together=together, edited=edited)
    report += lint(loader, squashed, of_squashed, edited=edited)
    if request.sizes is not None:
        small = conf.get("INLINE_BACKFILL_ROWS")
        report = replace(report, findings=tuple(with_sizes(report.findings, request.sizes, small)))
    judged_by = dict.fromkeys(map(_key, squashed), _codes(of_squashed))
    if not together:  # otherwise tables are new to some migrations that are not by themselves
        judged_by |= dict.fromkeys(map(_key, migrations), _codes(request.rules))

    def could_be_found(entry: Entry) -> bool:
        key = entry.app, entry.migration
        return key not in loader.disk_migrations or entry.rule in judged_by.get(key, ())

    return request.baseline.compared(report, could_be_found)


def lint(
    loader: MigrationLoader,
    migrations: Sequence[Migration],
    rules: Collection[Rule],
    *,
    together: bool = False,
    edited: Collection[Edited] = (),
) -> Report:
    """Judge `migrations` by `rules`; leave out what is suppressed in them. Asks no database.

    `together` says that they are one plan, run one after the other on the same database, and
    `edited` which of them a database has applied as something else.
    """
    found = judge(loader, migrations, rules=rules, together=together)
    for rule in rules:
        for each in edited:
            found += rule.check_edited(each)
    findings = identified(found)
    reported, suppressed = suppress(findings, map(MigrationSource, migrations), rules)
    return Report(tuple(identified(reported)), len(migrations), tuple(suppressed))


def _edited(request: Request, migrations: Sequence[Migration]) -> list[Edited]:
    """Return which of `migrations` were edited, if that was asked for and can be known."""
    if request.journal_of is None or not any(rule.asks_journal for rule in request.rules):
        return []
    _require_database(request.journal_of)
    return edited_if_known(request.journal_of, migrations)


def _in_scope(request: Request, loader: MigrationLoader) -> tuple[list[Migration], list[Migration]]:
    """Return the migrations of the apps that were asked for, and the squashed ones."""
    in_scope = partial(migrations_in_scope, third_party=request.third_party)
    squashed_of = partial(squashed_in_scope, third_party=request.third_party)
    if request.migration_name is not None:
        [app_label] = request.app_labels
        return in_scope(loader, app_label, request.migration_name), []
    labels: Sequence[str | None] = request.app_labels or [None]
    return (
        [migration for label in labels for migration in in_scope(loader, label)],
        [migration for label in labels for migration in squashed_of(loader, label)],
    )


def _filter(request: Request, loader: MigrationLoader) -> Callable[[Migration], bool]:
    """Return what tells whether a migration is unapplied and changed, if that was asked for."""
    changed = changed_since(request.since) if request.since is not None else None

    def wanted(migration: Migration) -> bool:
        if request.unapplied_in is not None and _key(migration) in loader.applied_migrations:
            return False
        return changed is None or MigrationSource(migration).file in changed

    return wanted


def _loader(request: Request) -> MigrationLoader:
    alias = request.unapplied_in
    if alias is None:
        return load(None)
    _require_database(alias)
    try:
        return load(connections[alias])
    except (DatabaseError, ImproperlyConfigured) as error:
        reason = " ".join(str(error).split())
        raise CommandError(
            f"Database {alias!r} cannot say which migrations are applied: {reason}", returncode=2
        ) from error


def _require_database(alias: str) -> None:
    if alias not in connections:
        raise UnknownName("database", alias, connections)


def _key(migration: Migration) -> tuple[str, str]:
    return migration.app_label, migration.name


def _codes(rules: Iterable[Rule]) -> frozenset[str]:
    """Return the codes of the rules that would find anew what they once found."""
    return frozenset(rule.code for rule in rules if not rule.asks_journal)
