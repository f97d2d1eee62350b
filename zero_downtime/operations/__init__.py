"""What migration files import: `from zero_downtime import operations as zd`."""

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

# `makemigrations` writes operations by the module of their class. Migration files live for ever,
# so what they name is this package, not the module that a class happens to stand in.
for _name in __all__:
    globals()[_name].__module__ = __name__
