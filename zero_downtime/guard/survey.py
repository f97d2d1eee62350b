"""What the linter sees in unapplied migrations: one walk, for all who have to know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from zero_downtime import conf
from zero_downtime.guard.plan import MigrationKey
from zero_downtime.guard.rights import Needs, needs_of
from zero_downtime.guard.walked import on_database, walk_over
from zero_downtime.lint.findings import Finding
from zero_downtime.lint.registry import all_rules
from zero_downtime.lint.scope import first_party
from zero_downtime.lint.source import MigrationSource
from zero_downtime.lint.suppressions import suppress
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.lock_modes import Lock, strongest
from zero_downtime.postgres.statements import RenameTable


@dataclass(frozen=True)
class Survey:
    """What is seen in migrations without asking the database."""

    steps: Mapping[MigrationKey, Sequence[Step]] = field(default_factory=dict)
    """What they do. Only the effects of a step are still what they were when it was met."""
    findings: Mapping[MigrationKey, Sequence[Finding]] = field(default_factory=dict)
    """What the rules say of those that are judged, and is not suppressed in them."""

    @property
    def locks(self) -> dict[Operation, dict[str, Lock]]:
        """Return which tables in use the operations lock so that others have to wait."""
        locks: defaultdict[Operation, list[tuple[str, Lock]]] = defaultdict(list)
        for step in chain.from_iterable(self.steps.values()):
            locks[step.migration.operations[step.index]] += [
                (table, lock)
                for effect in step.effects
                for table, lock in effect.statement.locks.items()
                if table not in effect.new_tables and lock.stops_writes
            ]
        return {operation: strongest(found) for operation, found in locks.items()}

    @property
    def former_names(self) -> dict[str, str]:
        """Return what tables that get another name on the way are called now, by that name."""
        former: dict[str, str] = {}
        for step in chain.from_iterable(self.steps.values()):
            for effect in step.effects:
                if isinstance(renaming := effect.statement, RenameTable):
                    table = renaming.table
                    former[renaming.new_name] = former.get(table, table)
        return former

    def needs(self, connection: BaseDatabaseWrapper) -> Needs:
        """Return what rights it takes to do it."""
        return needs_of(self.on(connection))

    def on(self, connection: BaseDatabaseWrapper) -> list[Step]:
        """Return the steps in order that do something to the database."""
        return on_database(chain.from_iterable(self.steps.values()), connection.alias)


def survey(
    loader: MigrationLoader, migrations: Sequence[Migration], judged: Collection[str]
) -> Survey:
    """Walk over `migrations`, which are nodes of the loader's graph and run one after the other.

    Args:
        judged: labels of the apps whose migrations meet the rules.
    """
    rules = all_rules()
    steps: defaultdict[MigrationKey, list[Step]] = defaultdict(list)
    findings: list[Finding] = []
    for step in walk_over(loader, migrations):
        steps[step.migration.app_label, step.migration.name].append(step)
        if step.app_label in judged:  # now, while the surroundings are those of the step
            findings += [finding for rule in rules for finding in rule.check(step)]
    sources = [MigrationSource(each) for each in migrations if each.app_label in judged]
    reported, _ = suppress(findings, sources)
    by_migration: defaultdict[MigrationKey, list[Finding]] = defaultdict(list)
    for finding in reported:
        by_migration[finding.app, finding.migration].append(finding)
    return Survey(steps, by_migration)


def judged_apps(migrations: Sequence[Migration], policy: str) -> set[str]:
    """Return the labels of the apps of which users must not notice anything.

    Third-party migrations cannot be edited, so they are not among them, unless `SUBSTITUTE` asks
    for care with their app. That is asked for whatever else is: it is not for the `policy`.
    """
    labels = {migration.app_label for migration in migrations}
    first_parties = (
        {label for label in labels if first_party(apps.get_app_config(label))}
        if policy != "off"
        else set()
    )
    return first_parties.union(labels.intersection(conf.get("SUBSTITUTE")))
