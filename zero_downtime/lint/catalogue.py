"""The catalogue: which safe operations do what an unsafe one would have done.

There is one entry for each kind of operation, whatever rule complains of it. `makemigrations`
writes them, `lintmigrations --fix` rewrites files with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    DeleteModel,
    RemoveField,
    RemoveIndex,
    RenameField,
)
from django.db.migrations.operations.base import Operation
from django.db.models import CheckConstraint, UniqueConstraint

from zero_downtime.lint.columns import fills_existing_rows
from zero_downtime.lint.model_states import AnyField
from zero_downtime.lint.remedies import Remedy, Stage, Unsettled
from zero_downtime.lint.walk import Step, is_stock
from zero_downtime.operations import (
    AddConstraintConcurrently,
    AddFieldConcurrently,
    AddIndexConcurrently,
    AlterFieldConcurrently,
    BackfillField,
    ContractAlterField,
    ContractRemoveField,
    ContractRenameField,
    ExpandAlterField,
    ExpandRemoveField,
    ExpandRenameField,
    RemoveIndexConcurrently,
    SwitchAlterField,
)
from zero_downtime.postgres.statements import AlterColumnType
from zero_downtime.postgres.type_changes import has_cast

ANY_TIME = "Run it at any time: it blocks neither reads nor writes."


def remedy_for(step: Step) -> Remedy | None:
    """Return what can be written instead of the operation of `step` without asking anybody."""
    for kind, entry in _ENTRIES.items():
        if is_stock(step.operation, kind):
            return entry(step.operation, step)
    return None


def rewritten_types(step: Step) -> tuple[str, str] | None:
    """Return the types before and after of the field's own column, if they rewrite the table."""
    for _, statement in step.effects_of(AlterColumnType):
        if statement.rewrites and statement.table == step.table:
            return statement.before or "", statement.after
    return None


def type_has_to_change_before(step: Step, operation: AlterField) -> str | None:
    """Return what has to be done first, because the type cannot change together with it."""
    if not step.keeps_column(operation.name):
        return "Change the type first, in the column that it has; then change its db_column."
    if not operation.preserve_default:
        return "Change the type first, and let it be NULL still; then fill it, and forbid NULL."
    return None


def can_be_mirrored(field: AnyField) -> bool:
    """Tell whether a second column can be kept equal to the field's."""
    return not (field.many_to_many or field.primary_key or field.generated)


def _one_stage(operation: Operation, when: str = ANY_TIME) -> Remedy:
    return Remedy((Stage((operation,), suffix="", when=when),))


def _add_index(operation: AddIndex, step: Step) -> Remedy:
    return _one_stage(AddIndexConcurrently(operation.model_name, operation.index))


def _remove_index(operation: RemoveIndex, step: Step) -> Remedy:
    return _one_stage(RemoveIndexConcurrently(operation.model_name, operation.name))


def _add_constraint(operation: AddConstraint, step: Step) -> Remedy | None:
    if not isinstance(operation.constraint, CheckConstraint | UniqueConstraint):
        return None
    return _one_stage(
        AddConstraintConcurrently(operation.model_name, operation.constraint),
        when="Run it when no running code writes what the constraint forbids: "
        "it blocks neither reads nor writes.",
    )


def _add_field(operation: AddField, step: Step) -> Remedy | None:
    field = operation.field
    if field.many_to_many or field.generated or field.primary_key:
        return None
    needs_a_value = not field.null and not field.has_db_default()
    if needs_a_value and (field.unique or not fills_existing_rows(field)):
        return None
    return _one_stage(
        AddFieldConcurrently(
            operation.model_name,
            operation.name,
            field,
            preserve_default=operation.preserve_default,
        )
    )


def _alter_field(operation: AlterField, step: Step) -> Remedy | None:
    types = rewritten_types(step)
    if types is not None:
        return _alter_type(operation, step, *types)
    if not step.keeps_column(operation.name):
        return None
    name, field = operation.name, operation.field
    old = step.old_field(name)
    when = ANY_TIME
    if old is not None and old.null and not field.null:
        has_default = field.has_default() or field.has_db_default()
        filling = "" if has_default else " Fill those that hold one before, with BackfillField."
        when = f"Run it when no running code leaves {name} NULL in any row.{filling}"
    alter = AlterFieldConcurrently(
        operation.model_name, name, field, preserve_default=operation.preserve_default
    )
    return _one_stage(alter, when)


def _alter_type(operation: AlterField, step: Step, before: str, after: str) -> Remedy | None:
    if type_has_to_change_before(step, operation):
        return None
    model, name = operation.model_name, operation.name
    arguments = (model, name, operation.field)
    casts = (
        ""
        if has_cast(before, after)
        else f" If PostgreSQL has no cast between {before} and {after}, give forward= and "
        "backward= to the expand, the switch and the contract before that."
    )
    return Remedy(
        (
            Stage(
                (ExpandAlterField(*arguments), BackfillField(model, name)),
                suffix="expand",
                when=f"Run it at any time: running code does not notice that {name} has a "
                f"hidden column of type {after}. `manage.py backfill` fills a large table." + casts,
            ),
            Stage(
                (SwitchAlterField(*arguments),),
                suffix="switch",
                when=f"Run it when all running code can do with {name} of either type; it is "
                f"{after} from then on, instead of {before}.",
                needed_by_others=True,
            ),
            Stage(
                (ContractAlterField(*arguments),),
                suffix="contract",
                when=f"Run it when {name} need not become {before} again; "
                "the old column is gone then.",
            ),
        ),
        unsettled=Unsettled(model, name, is_key=operation.field.unique),
    )


def _rename_field(operation: RenameField, step: Step) -> Remedy | None:
    field = step.old_field(operation.old_name)
    if field is None or not can_be_mirrored(field):
        return None
    names = (operation.model_name, operation.old_name, operation.new_name)
    old, new = operation.old_name, operation.new_name
    return Remedy(
        (
            Stage(
                (ExpandRenameField(*names),),
                suffix="expand",
                when=f"Run it before deploying code that uses {new}; {old} stays usable.",
            ),
            Stage(
                (BackfillField(operation.model_name, new),),
                suffix="backfill",
                when="Run it after the expand. `manage.py backfill` fills a large table.",
            ),
            Stage(
                (ContractRenameField(*names),),
                suffix="contract",
                when=f"Run it when no running code uses {old} any more; {old} is gone then.",
            ),
        ),
        unsettled=Unsettled(operation.model_name, new),
    )


def _remove_field(operation: RemoveField, step: Step) -> Remedy | None:
    field = step.old_field(operation.name)
    if field is None or field.primary_key or _model_goes_too(step, operation):
        return None
    model, name = operation.model_name, operation.name
    return Remedy(
        (
            Stage(
                (ExpandRemoveField(model, name),),
                suffix="expand",
                when=f"Run it before deploying code without {name}; old code goes on using it.",
            ),
            Stage(
                (ContractRemoveField(model, name),),
                suffix="contract",
                when=f"Run it when no running code has {name} any more; its values are gone "
                "then, unless you add archive=True here and to the expand.",
            ),
        ),
        unsettled=Unsettled(model, name, is_gone=True),
    )


def _model_goes_too(step: Step, operation: RemoveField) -> bool:
    """Tell whether the migration deletes the model as well, so that no contract could follow."""
    return any(
        isinstance(each, DeleteModel) and each.name_lower == operation.model_name_lower
        for each in step.migration.operations
    )


_ENTRIES: dict[type[Operation], Callable[[Any, Step], Remedy | None]] = {
    AddIndex: _add_index,
    RemoveIndex: _remove_index,
    AddConstraint: _add_constraint,
    AddField: _add_field,
    AlterField: _alter_field,
    RenameField: _rename_field,
    RemoveField: _remove_field,
}
