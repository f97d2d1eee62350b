"""What migration files import: `from zero_downtime import operations as zd`.

A module is imported when somebody asks for one of its operations: every command that loads
migrations would pay for all of them otherwise.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zero_downtime.operations.add_field import AddFieldConcurrently
    from zero_downtime.operations.alter_field import AlterFieldConcurrently
    from zero_downtime.operations.backfill import BackfillField, BatchedRunPython
    from zero_downtime.operations.constraints import AddConstraintConcurrently
    from zero_downtime.operations.expand_alter_field import (
        ContractAlterField,
        ExpandAlterField,
        SwitchAlterField,
    )
    from zero_downtime.operations.indexes import AddIndexConcurrently, RemoveIndexConcurrently
    from zero_downtime.operations.remove_field import ContractRemoveField, ExpandRemoveField
    from zero_downtime.operations.rename_field import ContractRenameField, ExpandRenameField

__all__ = [
    "AddConstraintConcurrently",
    "AddFieldConcurrently",
    "AddIndexConcurrently",
    "AlterFieldConcurrently",
    "BackfillField",
    "BatchedRunPython",
    "ContractAlterField",
    "ContractRemoveField",
    "ContractRenameField",
    "ExpandAlterField",
    "ExpandRemoveField",
    "ExpandRenameField",
    "RemoveIndexConcurrently",
    "SwitchAlterField",
]

_MODULES = {
    "AddConstraintConcurrently": "constraints",
    "AddFieldConcurrently": "add_field",
    "AddIndexConcurrently": "indexes",
    "AlterFieldConcurrently": "alter_field",
    "BackfillField": "backfill",
    "BatchedRunPython": "backfill",
    "ContractAlterField": "expand_alter_field",
    "ContractRemoveField": "remove_field",
    "ContractRenameField": "rename_field",
    "ExpandAlterField": "expand_alter_field",
    "ExpandRemoveField": "remove_field",
    "ExpandRenameField": "rename_field",
    "RemoveIndexConcurrently": "indexes",
    "SwitchAlterField": "expand_alter_field",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    operation = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    # `makemigrations` writes operations by the module of their class. Migration files live for
    # ever, so what they name is this package, not the module that a class happens to stand in.
    operation.__module__ = __name__
    globals()[name] = operation
    return operation
