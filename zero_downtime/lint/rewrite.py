"""Rewriting what `makemigrations` is about to write, by the remedies of the rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import groupby
from typing import Any, ClassVar

from django.db.migrations import Migration
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from zero_downtime.lint.findings import Report
from zero_downtime.lint.judge import judge_ordered
from zero_downtime.lint.registry import all_rules
from zero_downtime.lint.remedies import Remedy
from zero_downtime.lint.split import Part, Piece, split
from zero_downtime.lint.walk import Step, graph_order, walk

Key = tuple[str, str]
Changes = Mapping[str, list[Migration]]

# Operations of ours need our tables.
OWN_TABLES: Key = ("zero_downtime", "0001_initial")

MAX_FRAGMENT_LENGTH = 100  # as Django's autodetector has it


class StageMigration(Migration):
    """A migration that one stage of a remedy makes."""

    atomic = False
    when: ClassVar[tuple[str, ...]]
    """When to run it: one sentence for each thing it does."""


class NewMigrations:
    """Migrations that are not written yet, on top of those that are.

    `changes` is what Django's autodetector makes of a change of models: a list of migrations for
    each app label, which depend on each other and on `written` ones. Those are in order.
    `real_apps` are the labels of apps without migrations.
    """

    def __init__(
        self,
        changes: Changes,
        written: Iterable[Migration],
        real_apps: Collection[str] = (),
    ) -> None:
        self.changes = changes
        self._new = _in_order(changes)
        self._all = [*written, *self._new]
        self._real_apps = set(real_apps)

    @classmethod
    def on_disk(cls, changes: Changes, replaced: Collection[Key] = ()) -> NewMigrations:
        """Put the changes on top of the migrations on disk, but for those that they replace."""
        loader = MigrationLoader(None, ignore_no_migrations=True)
        written = [
            migration
            for migration in graph_order(loader)
            if (migration.app_label, migration.name) not in replaced
        ]
        return cls(changes, written, loader.unmigrated_apps)

    def judge(self) -> Report:
        """Judge the new migrations, as one plan."""
        findings = judge_ordered(self._all, self._start(), judged=set(self._new))
        return Report(tuple(findings), len(self._new))

    def rewritten(self, name: str | None = None) -> dict[str, list[Migration]]:
        """Return the changes with a remedy in place of every operation that has one.

        Migrations are numbered on, and depend on each other as before. `name` is what the user
        wants them to be called.
        """
        steps = walk(self._all, self._start(), judged=set(self._new), together=True)
        parts = {found.migration: found.parts for found in remedied(steps, _remedy)}
        return _renumbered(self.changes, parts, name) if parts else dict(self.changes)

    def _start(self) -> ProjectState:
        return ProjectState(real_apps=self._real_apps)


@dataclass(frozen=True)
class Remedied:
    """A migration of which some operations have a remedy, and what it is cut into."""

    migration: Migration
    remedies: Mapping[int, Remedy]
    """By index of operation."""
    parts: list[Part]


def remedied(steps: Iterable[Step], remedy: Callable[[Step], Remedy | None]) -> Iterator[Remedied]:
    """Yield the migrations among `steps` for which `remedy` finds any.

    Nested operations have none: SeparateDatabaseAndState is written by people, for a reason.
    """
    for migration, own in groupby(steps, key=lambda step: step.migration):
        found: dict[int, Step] = {}
        remedies: dict[int, Remedy] = {}
        for step in own:
            if step.is_outermost:
                found[step.index] = step
                if each := remedy(step):
                    remedies[step.index] = each
        if remedies:
            yield Remedied(migration, remedies, split(migration, remedies, found))


def _remedy(step: Step) -> Remedy | None:
    for rule in all_rules():
        if any(rule.check(step)) and (remedy := rule.remedy(step)):
            return remedy
    return None


def _in_order(changes: Changes) -> list[Migration]:
    """Return the new migrations, each after those it depends on."""
    migrations = {
        (migration.app_label, migration.name): migration
        for app_migrations in changes.values()
        for migration in app_migrations
    }
    graph: TopologicalSorter[Key] = TopologicalSorter(
        {
            key: [parent for parent in migration.dependencies if parent in migrations]
            for key, migration in migrations.items()
        }
    )
    return [migrations[key] for key in graph.static_order()]


@dataclass(frozen=True)
class _Planned:
    """The parts that take the place of one migration, with the names they will have."""

    migration: Migration
    parts: list[Part]
    names: list[str]

    @property
    def last(self) -> Key:
        return self.migration.app_label, self.names[-1]

    @property
    def settled(self) -> Key:
        """The part after which the models are as others need them, be it held back or not."""
        index = max(i for i, part in enumerate(self.parts) if part.needed_by_others)
        return self.migration.app_label, self.names[index]


def _renumbered(
    changes: Changes, parts: Mapping[Migration, list[Part]], name: str | None
) -> dict[str, list[Migration]]:
    planned = {
        (plan.migration.app_label, plan.migration.name): plan
        for migrations in changes.values()
        for plan in _plan(migrations, parts, name)
    }
    return {
        app_label: [
            new
            for migration in migrations
            for new in _build(planned[app_label, migration.name], planned)
        ]
        for app_label, migrations in changes.items()
    }


def _plan(
    migrations: list[Migration], parts: Mapping[Migration, list[Part]], name: str | None
) -> Iterator[_Planned]:
    """Give the migrations of one app their names; what follows a split one is numbered on."""
    shift = 0
    for migration in migrations:
        number = (MigrationAutodetector.parse_number(migration.name) or 1) + shift
        if migration in parts:
            fragments = [part_fragment(part, name) for part in parts[migration]]
            names = [f"{number + i:04}_{fragment}" for i, fragment in enumerate(fragments)]
            yield _Planned(migration, parts[migration], names)
            shift += len(names) - 1
        else:
            untouched = Part(pieces=[Piece(each, (each,)) for each in migration.operations])
            fragment = migration.name.partition("_")[2]
            new_name = f"{number:04}_{fragment}" if shift else migration.name
            yield _Planned(migration, [untouched], [new_name])


def part_fragment(part: Part, name: str | None) -> str:
    """Return the name of a part, without its number."""
    if name is None:
        name = _migration_class(operations=part.originals)("", "").suggest_name()
    return "_".join(filter(None, [name[:MAX_FRAGMENT_LENGTH], part.suffix]))


def _build(plan: _Planned, planned: Mapping[Key, _Planned]) -> Iterator[Migration]:
    """Yield the migrations of a plan, in a chain."""
    migration = plan.migration
    dependencies = [_moved(key, migration.app_label, planned) for key in migration.dependencies]
    for name, part in zip(plan.names, plan.parts, strict=True):
        yield part_of(migration, part, name, dependencies)
        dependencies = [(migration.app_label, name)]


def part_of(migration: Migration, part: Part, name: str, dependencies: Sequence[Key]) -> Migration:
    """Return the migration that a part of another one becomes."""
    attributes: dict[str, Any] = {
        "operations": part.operations,
        "dependencies": [*dependencies],
        "run_before": migration.run_before,
        "initial": migration.initial,
    }
    if part.suffix is None:
        plain = _migration_class(**attributes, atomic=migration.atomic)
        return plain(name, migration.app_label)
    if OWN_TABLES not in dependencies:
        attributes["dependencies"].append(OWN_TABLES)
    staged = _migration_class(StageMigration, **attributes, when=tuple(part.when))
    return staged(name, migration.app_label)


def _moved(dependency: Key, app_label: str, planned: Mapping[Key, _Planned]) -> Key:
    """Return where a dependency of a migration of `app_label` points to now."""
    plan = planned.get(dependency)
    if plan is None:
        return dependency
    return plan.last if dependency[0] == app_label else plan.settled


def _migration_class(base: type[Migration] = Migration, /, **attributes: Any) -> type[Migration]:
    return type("Migration", (base,), attributes)
