"""Cutting one migration into the migrations that its remedies need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.migrations import Migration, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from zero_downtime.lint.remedies import LATER_STAGES, Remedy, Unsettled
from zero_downtime.lint.renames import Carried, carried_along
from zero_downtime.lint.uses import makes, stands_in_the_way_of_all, uses
from zero_downtime.lint.walk import Step


@dataclass(frozen=True)
class Piece:
    """An operation, or what stands in its place."""

    original: Operation
    operations: tuple[Operation, ...]


@dataclass
class Part:
    """The content of one migration to be."""

    suffix: str | None = None
    """Of the stage that the part is; None if its operations are as they were."""
    pieces: list[Piece] = field(default_factory=list)
    when: list[str] = field(default_factory=list)
    needed_by_others: bool = True
    """Migrations of other apps that need the models as they are in the end need this part."""

    @property
    def operations(self) -> list[Operation]:
        return [operation for piece in self.pieces for operation in piece.operations]

    @property
    def originals(self) -> list[Operation]:
        """What the operations stand for. The migration is named after them."""
        return [piece.original for piece in self.pieces]

    def takes(self, suffix: str | None, *, atomic: bool) -> bool:
        """Tell whether operations of such a stage, or of none, can stand in the same migration.

        `atomic` is that of the migration that they come from: if it had no transaction anyway,
        there is none to be kept apart from.
        """
        return self.suffix == suffix or (not atomic and {self.suffix, suffix} == {None, ""})

    def add(self, operations: Iterable[Operation], original: Operation, when: str = "") -> None:
        self.pieces.append(Piece(original, tuple(operations)))
        if when and when not in self.when:
            self.when.append(when)


def split(
    migration: Migration, remedies: Mapping[int, Remedy], steps: Mapping[int, Step]
) -> list[Part]:
    """Return the parts of `migration`, in the order in which they have to run.

    `remedies` and `steps` are by index of operation. Operations keep their order, except that the
    later stages of remedies come after the rest, followed only by what has to wait for them: in
    another round, which may have later stages of its own.
    """
    carried = carried_along(migration, remedies, steps)
    rounds: dict[int, list[int]] = defaultdict(list)
    settled_in: list[tuple[Unsettled, int]] = []
    earliest = 0
    for index, operation in enumerate(migration.operations):
        if any(
            index in each.state_operations and index not in each.index_renames
            for each in carried.values()
        ):
            continue
        number = max([earliest, *(first for each, first in settled_in if uses(operation, each))])
        rounds[number].append(index)
        settled_in += [(each, number) for each in makes(operation)]
        if number and stands_in_the_way_of_all(operation):
            earliest = number
        if index in remedies and (unsettled := remedies[index].unsettled):
            settled_in.append((unsettled, number + 1))
    return [
        part
        for _, indexes in sorted(rounds.items())
        for part in _parts(migration, indexes, remedies, carried)
    ]


def _parts(
    migration: Migration,
    indexes: list[int],
    remedies: Mapping[int, Remedy],
    carried: Mapping[int, Carried],
) -> list[Part]:
    parts: list[Part] = []
    later: dict[str, Part] = {}
    index_renames = {
        index: rename for each in carried.values() for index, rename in each.index_renames.items()
    }
    for index in indexes:
        operation = index_renames.get(index) or migration.operations[index]
        remedy = remedies.get(index)
        suffix = remedy.stages[0].suffix if remedy else None
        if not parts or not parts[-1].takes(suffix, atomic=migration.atomic):
            parts.append(Part(suffix))
        elif parts[-1].suffix is None:
            parts[-1].suffix = suffix
        if remedy is None:
            parts[-1].add([operation], operation)
            continue
        first, *others = remedy.stages
        known = (
            [each for _, each in sorted(carried[index].state_operations.items())]
            if (index in carried)
            else []
        )
        told = [SeparateDatabaseAndState(state_operations=known)] if known else []
        parts[-1].add([*first.operations, *told], operation, first.when)
        for stage in others:
            new_part = Part(stage.suffix, needed_by_others=stage.needed_by_others)
            part = later.setdefault(stage.suffix, new_part)
            part.add(stage.operations, operation, stage.when)
    return [*parts, *(later[suffix] for suffix in LATER_STAGES if suffix in later)]
