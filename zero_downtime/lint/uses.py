"""Which operations build on a field whose column is about to be replaced."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterModelTable,
    AlterOrderWithRespectTo,
    CreateModel,
    DeleteModel,
    RemoveConstraint,
    RemoveIndex,
    RenameField,
    RenameIndex,
    RenameModel,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import AlterTogetherOptionOperation
from django.db.models import BaseConstraint, Index

from zero_downtime.lint.model_states import AnyField
from zero_downtime.lint.remedies import Unsettled
from zero_downtime.lint.walk import model_names


def uses(operation: Operation, unsettled: Unsettled) -> bool:
    """Tell whether the operation builds on the field's column, as far as can be seen.

    Of code and SQL it is assumed.
    """
    match operation:
        case RunSQL():
            return True
        case RunPython():
            return not unsettled.is_gone
        case SeparateDatabaseAndState():
            nested = [*operation.database_operations, *operation.state_operations]
            return any(uses(each, unsettled) for each in nested)
    if unsettled.is_key and any(_points_at(each, unsettled) for each in _fields(operation)):
        return True
    if model_names(operation)[0] != unsettled.model_name.lower():
        return False
    return _is_about(operation, unsettled.name)


def makes(operation: Operation) -> Iterator[Unsettled]:
    """Yield what is not there before the operation, which waits, has run.

    That may be an index or a constraint as well: they are named in operations as fields are.
    """
    match operation:
        case RenameField():
            yield Unsettled(operation.model_name, operation.old_name)
            yield Unsettled(operation.model_name, operation.new_name)
        case FieldOperation():
            yield Unsettled(operation.model_name, operation.name)
        case AddIndex():
            yield Unsettled(operation.model_name, operation.index.name)
        case AddConstraint():
            yield Unsettled(operation.model_name, operation.constraint.name)


def stands_in_the_way_of_all(operation: Operation) -> bool:
    """Tell whether everything behind the operation may rely on its having run."""
    return isinstance(
        operation,
        RunSQL | RunPython | SeparateDatabaseAndState | RenameModel | DeleteModel | AlterModelTable,
    )


def _is_about(operation: Operation, name: str) -> bool:
    """Tell whether an operation on the model is about the field."""
    match operation:
        case RenameModel() | DeleteModel() | AlterModelTable():
            return True
        case RenameField():
            return name in (operation.old_name, operation.new_name)
        case AlterOrderWithRespectTo():
            return bool(operation.order_with_respect_to == name)
        case RenameIndex():
            return name in (operation.old_name, operation.new_name)
        case FieldOperation() | RemoveIndex() | RemoveConstraint() if operation.name == name:
            return True
        case AddField() | AlterField():
            return operation.field.generated
        case AddIndex():
            return _covers(operation.index, name)
        case AddConstraint():
            return _covers(operation.constraint, name)
        case AlterTogetherOptionOperation():
            return any(name in group for group in operation.option_value or ())
    return False


def _fields(operation: Operation) -> list[AnyField]:
    """Return the fields that the operation brings."""
    if isinstance(operation, CreateModel):
        return [field for _, field in operation.fields]
    return [operation.field] if isinstance(operation, AddField | AlterField) else []


def _points_at(field: AnyField, unsettled: Unsettled) -> bool:
    """Tell whether the field is a relation to a model of that name."""
    remote = field.remote_field
    target = remote.model if remote is not None else ""
    name = target if isinstance(target, str) else target._meta.label
    return name.rpartition(".")[2].lower() == unsettled.model_name.lower()


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
