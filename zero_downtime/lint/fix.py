"""Planning what `lintmigrations --fix` does: what is replaced, and which files come of it.

Nothing is read or written here but the migrations that are loaded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import CommandError
from django.db.migrations import (
    AddConstraint,
    AddIndex,
    Migration,
    RemoveConstraint,
    RemoveIndex,
)
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ModelState, ProjectState

from zero_downtime.lint.catalogue import remedy_for
from zero_downtime.lint.findings import Finding
from zero_downtime.lint.remedies import LATER_STAGES
from zero_downtime.lint.rewrite import (
    MAX_FRAGMENT_LENGTH,
    Key,
    Remedied,
    part_fragment,
    part_of,
    remedied,
)
from zero_downtime.lint.split import Part
from zero_downtime.lint.uses import uses
from zero_downtime.lint.walk import graph_order, walk

WhyNot = Callable[[Migration, Key | None], str | None]
"""Returns why a migration's file cannot be edited; with a key, why that dependency cannot."""


@dataclass(frozen=True)
class NewPart:
    """One of the migrations that a fixed one becomes."""

    content: Part
    migration: Migration


@dataclass(frozen=True)
class Fixes:
    """What is to be written, and what is not."""

    split: dict[Migration, list[NewPart]]
    """What becomes of each fixed migration: the first keeps its name and its file."""
    moved: dict[Migration, dict[Key, Key]]
    """Where dependencies of migrations point to from now on, and where they did."""
    fixed: list[Finding]
    by_hand: list[tuple[Finding, str]]
    """What has a remedy that cannot be written, and why not."""


def plan_fixes(
    loader: MigrationLoader,
    findings: Iterable[Finding],
    why_not: WhyNot,
    *,
    together: bool = False,
) -> Fixes:
    """Plan to put the remedies of `findings` in place of the operations they are about.

    `together` is what the findings were judged with.
    """
    wanted: defaultdict[Migration, defaultdict[int, list[Finding]]]
    wanted = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        if finding.fixable and finding.operation is not None:
            migration = loader.graph.nodes[finding.app, finding.migration]
            wanted[migration][finding.operation].append(finding)
    reasons = {each: reason for each in wanted if (reason := why_not(each, None))}
    steps = walk(
        graph_order(loader),
        ProjectState(real_apps=loader.unmigrated_apps),
        judged=wanted.keys() - reasons.keys(),
        together=together,
    )
    found = {
        each.migration: each
        for each in remedied(
            steps, lambda step: remedy_for(step) if step.index in wanted[step.migration] else None
        )
    }
    for migration, fixable in list(found.items()):
        if reason := _obstacle(fixable, loader, why_not):
            reasons[migration] = reason
            del found[migration]
    layout = _Layout(loader)
    layout.arrange(found)
    fixed = [
        finding
        for migration, each in found.items()
        for index in each.remedies
        for finding in wanted[migration][index]
    ]
    by_hand = [
        (finding, reasons[migration])
        for migration, by_index in wanted.items()
        if migration in reasons
        for about in by_index.values()
        for finding in about
    ]
    return Fixes(layout.split, dict(layout.moved), fixed, by_hand)


def _obstacle(fixable: Remedied, loader: MigrationLoader, why_not: WhyNot) -> str | None:
    """Return why the parts of a migration cannot be put among the migrations that there are."""
    migration = fixable.migration
    settled, held = _settled_and_held(fixable.parts)
    if len(fixable.parts) > 1 and migration.run_before:
        return "it takes several migrations, and this one has run_before"
    if len(loader.graph.leaf_nodes(migration.app_label)) > 1:
        return "the app has several last migrations; makemigrations --merge first"
    if held and (later := _in_the_way(fixable, held, loader)):
        return f"{later} comes after it, and builds on what a contract has to end first"
    for dependent in _dependents(migration, settled, loader):
        if reason := why_not(dependent, _key(migration)):
            return f"{dependent} has to depend on another migration then, but {reason}"
    if not _leads_to_the_same(fixable, loader):
        return "its operations cannot be put in another order"
    return None


def _in_the_way(
    fixable: Remedied, held: Sequence[Part], loader: MigrationLoader
) -> Migration | None:
    """Return a later migration that cannot come before what is held back.

    What is held back has to come after all that new code needs, so after all there is.
    """
    unsettled = [each.unsettled for each in fixable.remedies.values() if each.unsettled]
    waiting = any(part.suffix not in LATER_STAGES for part in held)
    for key in loader.graph.backwards_plan(_key(fixable.migration)):
        later: Migration = loader.graph.nodes[key]
        if later is not fixable.migration and (
            waiting or any(uses(each, field) for each in later.operations for field in unsettled)
        ):
            return later
    return None


def _leads_to_the_same(fixable: Remedied, loader: MigrationLoader) -> bool:
    """Tell whether the parts leave the models as the migration itself does."""
    migration = fixable.migration
    before = loader.project_state(_key(migration), at_end=False)
    wanted = migration.mutate_state(before)
    state = before.clone()
    try:
        for part in fixable.parts:
            for operation in part.operations:
                operation.state_forwards(migration.app_label, state)
    except (LookupError, ValueError, FieldDoesNotExist, CommandError):
        return False
    return same_models(state, wanted)


def same_models(one: ProjectState, other: ProjectState) -> bool:
    """Tell whether two states have the same models, in whatever order things were added."""
    deep = MigrationAutodetector(one, other).deep_deconstruct

    def essence(model: ModelState) -> Any:
        named = {
            option: {item.name: deep(item) for item in model.options.get(option, ())}
            for option in ("indexes", "constraints")
        }
        return deep(dict(model.fields)), {**deep(model.options), **named}, model.bases

    return {key: essence(model) for key, model in one.models.items()} == {
        key: essence(model) for key, model in other.models.items()
    }


class _Layout:
    """Gives the parts their names, and their places in the graph."""

    def __init__(self, loader: MigrationLoader) -> None:
        self._loader = loader
        self._names = set(loader.disk_migrations)
        self._last = dict(loader.graph.leaf_nodes())
        self.split: dict[Migration, list[NewPart]] = {}
        self.moved: defaultdict[Migration, dict[Key, Key]] = defaultdict(dict)

    def arrange(self, found: Mapping[Migration, Remedied]) -> None:
        """Put what others need at once behind each migration, and the rest at the end."""
        parts = {each: _settled_and_held(fixable.parts) for each, fixable in found.items()}
        for migration, (settled, _) in parts.items():
            self._put_in(migration, settled)
        for migration, (_, held) in parts.items():
            self._append(migration, held)

    def _put_in(self, migration: Migration, settled: Sequence[Part]) -> None:
        label, name = _key(migration)
        is_last = self._last[label] == name
        first, *others = settled
        self.split[migration] = [
            NewPart(first, part_of(migration, first, name, migration.dependencies))
        ]
        number = MigrationAutodetector.parse_number(name) or 0
        dependency = name
        for part in others:
            number += is_last
            dependency = self._add(migration, part, number, dependency)
        if is_last:
            self._last[label] = dependency
        for dependent in _dependents(migration, settled, self._loader):
            self.moved[dependent][label, name] = (label, dependency)

    def _append(self, migration: Migration, held: Sequence[Part]) -> None:
        label = migration.app_label
        for part in held:
            last = self._last[label]
            number = (MigrationAutodetector.parse_number(last) or 0) + 1
            self._last[label] = self._add(migration, part, number, last)

    def _add(self, migration: Migration, part: Part, number: int, dependency: str) -> str:
        """Make a migration of the part, and return its name."""
        label = migration.app_label
        name = self._free_name(label, f"{number:04}_{_fragment(migration, part)}")
        made = part_of(migration, part, name, [(label, dependency)])
        self.split[migration].append(NewPart(part, made))
        return name

    def _free_name(self, label: str, wanted: str) -> str:
        names = (wanted if i == 1 else f"{wanted}_{i}" for i in count(1))
        name = next(each for each in names if (label, each) not in self._names)
        self._names.add((label, name))
        return name


def _fragment(migration: Migration, part: Part) -> str:
    """Return the name of a part, without its number: its own, or that of its migration."""
    name: str = migration.name
    if MigrationAutodetector.parse_number(name) is not None:
        name = name.partition("_")[2]
    name = name[:MAX_FRAGMENT_LENGTH]
    if part.suffix:
        return part_fragment(part, name)
    own = part_fragment(part, None)
    return name if own.startswith("auto_") else own  # Django's way of saying that it has none


def _settled_and_held(parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """Separate what runs at once from what `migrate` may hold back, and all behind that."""
    settled = list(takewhile(lambda part: part.suffix not in LATER_STAGES, parts))
    return settled, list(parts[len(settled) :])


def _dependents(
    migration: Migration, settled: Sequence[Part], loader: MigrationLoader
) -> Iterator[Migration]:
    """Yield the migrations that have to depend on the last of the settled parts from now on.

    Those of other apps need the models, not their indexes and constraints.
    """
    others = settled[1:]
    alter_models = any(not isinstance(each, _ON_MODELS_AS_THEY_ARE) for each in _all(others))
    for each in loader.disk_migrations.values():
        if _key(migration) in each.dependencies and (
            alter_models if each.app_label != migration.app_label else others
        ):
            yield each


_ON_MODELS_AS_THEY_ARE = (AddIndex, RemoveIndex, AddConstraint, RemoveConstraint)


def _all(parts: Iterable[Part]) -> Iterator[Operation]:
    for part in parts:
        yield from part.operations


def _key(migration: Migration) -> Key:
    return migration.app_label, migration.name
