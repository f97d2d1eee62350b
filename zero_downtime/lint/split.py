"""Cutting one migration into the migrations that its remedies need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    Migration,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import AlterTogetherOptionOperation
from django.db.models import BaseConstraint, Index

from zero_downtime.lint.remedies import LATER_STAGES, Remedy
from zero_downtime.lint.renames import Carried, carried_along
from zero_downtime.lint.walk import Step, model_names


@dataclass
class Part:
    """The content of one migration to be."""

    suffix: str | None = None
    """Of the stage that the part is; None if its operations are as they were."""
    operations: list[Operation] = field(default_factory=list)
    originals: list[Operation] = field(default_factory=list)
    """What the operations stand for. The migration is named after them."""
    when: list[str] = field(default_factory=list)
    needed_by_others: bool = True
    """Migrations of other apps that need the models as they are in the end need this part."""

    def add(self, operations: Iterable[Operation], original: Operation, when: str = "") -> None:
        self.operations += operations
        self.originals.append(original)
        if when and when not in self.when:
            self.when.append(when)


def split(
    migration: Migration, remedies: Mapping[int, Remedy], steps: Mapping[int, Step]
) -> list[Part]:
    """Return the parts of `migration`, in the order in which they have to run.

    `remedies` and `steps` are by index of operation. Operations keep their order, except that the
    later stages of remedies come after the rest, followed only by what has to wait for them.
    """
    carried = carried_along(migration, remedies, steps)
    unsettled: list[tuple[str, str]] = []
    now: list[int] = []
    waiting: list[int] = []
    for index, operation in enumerate(migration.operations):
        if any(
            index in each.state_operations and index not in each.index_renames
            for each in carried.values()
        ):
            continue
        must_wait = any(_uses(operation, *names) for names in unsettled)
        (waiting if must_wait else now).append(index)
        if index in remedies and (names := remedies[index].unsettled):
            unsettled.append(names)
    return [
        part for indexes in (now, waiting) for part in _parts(migration, indexes, remedies, carried)
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
        if not parts or parts[-1].suffix != suffix:
            parts.append(Part(suffix))
        if remedy is None:
            parts[-1].add([operation], operation)
            continue
        first, *others = remedy.stages
        parts[-1].add(first.operations, operation, first.when)
        if index in carried and carried[index].state_operations:
            known = [each for _, each in sorted(carried[index].state_operations.items())]
            parts[-1].operations.append(SeparateDatabaseAndState(state_operations=known))
        for stage in others:
            new_part = Part(stage.suffix, needed_by_others=stage.needed_by_others)
            part = later.setdefault(stage.suffix, new_part)
            part.add(stage.operations, operation, stage.when)
    return [*parts, *(later[suffix] for suffix in LATER_STAGES if suffix in later)]


def _uses(operation: Operation, model_name: str, field_name: str) -> bool:
    """Tell whether the operation builds on the field's column, as far as can be seen."""
    if model_names(operation)[0] != model_name.lower():
        return False
    if isinstance(operation, FieldOperation) and operation.name == field_name:
        return True
    if isinstance(operation, AddField | AlterField):
        return operation.field.generated
    if isinstance(operation, AddIndex):
        return _covers(operation.index, field_name)
    if isinstance(operation, AddConstraint):
        return _covers(operation.constraint, field_name)
    if isinstance(operation, AlterTogetherOptionOperation):
        return any(field_name in group for group in operation.option_value or ())
    return False


def _covers(item: Index | BaseConstraint, field_name: str) -> bool:
    """Tell whether an index or constraint may be about the field; expressions may be about any."""
    _, expressions, arguments = item.deconstruct()
    return bool(
        expressions
        or arguments.get("expressions")
        or arguments.get("condition")
        or field_name in [name.removeprefix("-") for name in arguments.get("fields", ())]
        or field_name in arguments.get("include", ())
    )
