"""What follows a renamed column by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.db.migrations import (
    AddConstraint,
    AddIndex,
    Migration,
    RemoveConstraint,
    RemoveIndex,
    RenameField,
    RenameIndex,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.models import AlterTogetherOptionOperation
from django.db.models import BaseConstraint, Index

from zero_downtime.lint.walk import Step, model_names

IndexOrConstraint = Index | BaseConstraint


@dataclass(frozen=True)
class Carried:
    """What becomes of the operations that a renamed column makes needless, by their indexes."""

    state_operations: dict[int, Operation] = field(default_factory=dict)
    """What the state has to be told; the database knows."""
    index_renames: dict[int, RenameIndex] = field(default_factory=dict)
    """What takes the place of operations that remove an index, to add it by another name."""


def carried_along(
    migration: Migration, renames: Collection[int], steps: Mapping[int, Step]
) -> dict[int, Carried]:
    """Return what need not touch the rows of a table, by the rename that it comes with.

    All are indexes of operations; `renames` are those of the RenameFields with a remedy. Django's
    autodetector removes an index or constraint of a renamed field, and adds it again, an index
    perhaps under another name, if it is named after the field. In the database it follows the
    column, so that only the state has to learn of it, and the index be renamed, which locks no
    table.
    """
    new_names: defaultdict[str, dict[str, str]] = defaultdict(dict)
    last_rename: dict[str, int] = {}
    for index in sorted(renames):
        rename = migration.operations[index]
        if isinstance(rename, RenameField):
            new_names[rename.model_name_lower][rename.old_name] = rename.new_name
            last_rename[rename.model_name_lower] = index
    return {
        index: _carried(migration, model, new_names[model], steps)
        for model, index in last_rename.items()
    }


def _carried(
    migration: Migration, model: str, new_names: Mapping[str, str], steps: Mapping[int, Step]
) -> Carried:
    """Return what becomes of the operations on `model` that a renamed column does by itself."""
    removed: dict[int, IndexOrConstraint] = {}
    carried = Carried()
    for index, operation in enumerate(migration.operations):
        if model_names(operation)[0] != model:
            continue
        if isinstance(operation, RemoveIndex | RemoveConstraint):
            removed[index] = _renamed(_removed_item(operation, steps[index]), new_names)
        elif isinstance(operation, AddIndex | AddConstraint):
            removed_at = _same_item(removed, _added_item(operation))
            if removed_at is not None:
                del removed[removed_at]
                _carry(carried, migration, removed_at, index)
        elif isinstance(operation, AlterTogetherOptionOperation) and _changes_nothing(
            operation, steps[index]
        ):
            carried.state_operations[index] = operation
    return carried


def _same_item(removed: Mapping[int, IndexOrConstraint], added: IndexOrConstraint) -> int | None:
    """Return where the item was removed that is added; for an index, be it by another name."""
    for index, item in removed.items():
        if isinstance(item, Index):
            item = item.clone()
            item.name = added.name
        if item == added:
            return index
    return None


def _carry(carried: Carried, migration: Migration, removed_at: int, added_at: int) -> None:
    """Let the item that two operations remove and add come along."""
    removing, adding = migration.operations[removed_at], migration.operations[added_at]
    if isinstance(removing, RemoveIndex) and isinstance(adding, AddIndex):
        old_name, new_name = removing.name, adding.index.name
        if old_name != new_name:
            carried.index_renames[removed_at] = RenameIndex(
                removing.model_name, new_name=new_name, old_name=old_name
            )
            removing = RemoveIndex(removing.model_name, new_name)
    carried.state_operations.update({removed_at: removing, added_at: adding})


def _removed_item(operation: RemoveIndex | RemoveConstraint, step: Step) -> IndexOrConstraint:
    assert step.before is not None
    item: IndexOrConstraint
    if isinstance(operation, RemoveIndex):
        item = step.before.get_index_by_name(operation.name)
    else:
        item = step.before.get_constraint_by_name(operation.name)
    return item


def _added_item(operation: AddIndex | AddConstraint) -> IndexOrConstraint:
    return operation.index if isinstance(operation, AddIndex) else operation.constraint


def _renamed(item: IndexOrConstraint, new_names: Mapping[str, str]) -> IndexOrConstraint:
    """Return `item` with new names for plain fields; those in expressions stay as they are."""
    _, expressions, arguments = item.deconstruct()
    for argument in ("fields", "include"):
        if argument in arguments:
            arguments[argument] = [
                new_names.get(name, name)
                if not name.startswith("-")
                else f"-{new_names.get(name[1:], name[1:])}"
                for name in arguments[argument]
            ]
    return type(item)(*expressions, **arguments)


def _changes_nothing(operation: AlterTogetherOptionOperation, step: Step) -> bool:
    """Tell whether the renamed state says already what the operation is about to say."""
    assert step.before is not None
    groups = step.before.options.get(operation.option_name) or ()
    return {tuple(group) for group in groups} == (operation.option_value or set())
