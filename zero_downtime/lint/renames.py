"""What follows a renamed column by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from django.db.migrations import (
    AddConstraint,
    AddIndex,
    Migration,
    RemoveConstraint,
    RemoveIndex,
    RenameField,
)
from django.db.migrations.operations.models import AlterTogetherOptionOperation
from django.db.models import BaseConstraint, Index

from zero_downtime.lint.walk import Step, model_names

IndexOrConstraint = Index | BaseConstraint


def carried_along(
    migration: Migration, renames: Collection[int], steps: Mapping[int, Step]
) -> dict[int, list[int]]:
    """Return the operations that need not touch the database, by the rename they come with.

    All are indexes of operations; `renames` are those of the RenameFields with a remedy. Django's
    autodetector removes an index or constraint of a renamed field, and adds it again under the same
    name. In the database it follows the column, so that only the state has to learn of it.
    """
    new_names: defaultdict[str, dict[str, str]] = defaultdict(dict)
    last_rename: dict[str, int] = {}
    for index in sorted(renames):
        rename = migration.operations[index]
        if isinstance(rename, RenameField):
            new_names[rename.model_name_lower][rename.old_name] = rename.new_name
            last_rename[rename.model_name_lower] = index
    return {
        index: _followers(migration, model, new_names[model], steps)
        for model, index in last_rename.items()
    }


def _followers(
    migration: Migration, model: str, new_names: Mapping[str, str], steps: Mapping[int, Step]
) -> list[int]:
    """Return the operations on `model` that a renamed column does by itself."""
    removed: dict[str, tuple[int, IndexOrConstraint]] = {}
    followers: list[int] = []
    for index, operation in enumerate(migration.operations):
        if model_names(operation)[0] != model:
            continue
        if isinstance(operation, RemoveIndex | RemoveConstraint):
            removed[operation.name] = index, _removed_item(operation, steps[index])
        elif isinstance(operation, AddIndex | AddConstraint):
            added = _added_item(operation)
            removed_at, item = removed.get(added.name, (index, None))
            if item is not None and _renamed(item, new_names) == added:
                followers += [removed_at, index]
        elif isinstance(operation, AlterTogetherOptionOperation) and _changes_nothing(
            operation, steps[index]
        ):
            followers.append(index)
    return followers


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
