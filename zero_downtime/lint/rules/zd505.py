"""ZD505: a contract for which nothing has been filled."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step
from zero_downtime.operations import ContractAlterField, ContractRenameField, SwitchAlterField


class ContractWithoutBackfill(Rule):
    """The contract of a field comes, and no migration before it has filled the field's rows.

    From the expand on both sides get what is written; the rows that nobody writes are the
    backfill's business. Without one the sides differ, and the contract refuses to run.

    Bad:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ExpandRenameField("customer", "name", "full_name"),
        ]
    ```

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ContractRenameField("customer", "name", "full_name"),
        ]
    ```

    Good:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ExpandRenameField("customer", "name", "full_name"),
        ]
    ```

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.BackfillField("customer", "full_name"),
        ]
    ```

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ContractRenameField("customer", "name", "full_name"),
        ]
    ```

    A backfill in the contract's own migration is too late: on a large table it is but registered
    there, and `manage.py backfill` moves the rows.
    """

    code = "ZD505"
    name = "contract-without-backfill"
    hazards = (Hazard.MAY_FAIL,)

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if isinstance(operation, ContractRenameField):
            field = operation.new_name
        elif isinstance(operation, SwitchAlterField | ContractAlterField):
            field = operation.name
        else:
            return
        key = step.app_label, operation.model_name_lower, field
        if not _has_two_columns(step, field) or key in step.surroundings.schema.filled:
            return
        name = type(operation).__name__
        yield self.finding(
            step,
            f"No migration before this one fills {operation.model_name}.{field}: {name} refuses "
            "to run while there are rows in which the two sides differ.",
            hazards=self.hazards,
            tables=[step.table],
            remedy=f"Add a migration with BackfillField({operation.model_name!r}, {field!r}) "
            "between the expand and this one.",
        )


def _has_two_columns(step: Step, name: str) -> bool:
    """Tell whether rows have to be filled: not if db_column stays, nor if there are none yet."""
    is_rename = isinstance(step.operation, ContractRenameField)
    keeps_column = is_rename and getattr(step.new_field(name), "db_column", None)
    return step.on_existing_table and not keeps_column
