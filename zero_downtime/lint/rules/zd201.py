"""ZD201: a column is renamed under the feet of running code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.migrations import RenameField
from django.db.models import ManyToManyField

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.model_states import AnyField, column_name, many_to_many_table
from zero_downtime.lint.remedies import Remedy, Stage
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step, is_stock
from zero_downtime.operations import BackfillField, ContractRenameField, ExpandRenameField


class RenameFieldBreaksOldCode(Rule):
    """`RenameField` renames the column at once, but code is deployed process by process.

    Code that knows the old name fails in every SELECT, INSERT and UPDATE as soon as the migration
    has run; code that knows the new name fails until then. No order of deploying avoids it. The
    rename itself is a brief ACCESS EXCLUSIVE lock, but on a foreign key Django also drops the
    constraint and adds it again, which reads the whole table under that lock.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RenameField("customer", "name", "full_name"),
        ]
    ```

    Good, in three migrations. From the first on, both columns exist and a trigger keeps them
    equal, so that old and new code run side by side. Deploy the new code after it.

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

    The last waits until all rows are filled and no old code writes any more.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ContractRenameField("customer", "name", "full_name"),
        ]
    ```

    `makemigrations` writes them for you. If only the name in Python matters, give the field
    `db_column="name"`: the column keeps its name, and nothing happens in the database.
    """

    code = "ZD201"
    name = "rename-field-breaks-old-code"
    hazards = (Hazard.BREAKS_OLD_CODE, Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES)

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if not (is_stock(operation, RenameField) and step.on_existing_table):
            return
        field = step.old_field(operation.old_name)
        if field is None:
            return
        if isinstance(field, ManyToManyField):
            yield from self._check_many_to_many(step, operation, field)
            return
        old, new = column_name(operation.old_name, field), column_name(operation.new_name, field)
        if old == new:  # with a fixed db_column only the state changes
            return
        hazards = [Hazard.BREAKS_OLD_CODE]
        message = (
            f'Renaming column "{old}" of table "{step.table}" to "{new}" breaks running code, '
            "which uses the old name."
        )
        if getattr(field, "db_constraint", False):
            hazards += [Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES]
            message += " Its foreign key is added anew, which reads the table under a full lock."
        if self.remedy(step):
            remedy = (
                "Use ExpandRenameField, BackfillField and ContractRenameField in three migrations, "
                "as makemigrations writes them unless told otherwise."
            )
        else:
            remedy = f"Keep the column: give the field db_column={old!r}."
        yield self.finding(step, message, hazards=hazards, tables=[step.table], remedy=remedy)

    def _check_many_to_many(
        self, step: Step, operation: RenameField, field: ManyToManyField[Any, Any]
    ) -> Iterator[Finding]:
        old = many_to_many_table(step.table, operation.old_name, field)
        new = many_to_many_table(step.table, operation.new_name, field)
        if old is None or old == new:
            return
        yield self.finding(
            step,
            f'Renaming the many-to-many table "{old}" to "{new}" breaks running code, which uses '
            "the old name.",
            hazards=[Hazard.BREAKS_OLD_CODE],
            tables=[old],
            remedy=f"Keep the table: give the field db_table={old!r}.",
        )

    def remedy(self, step: Step) -> Remedy | None:
        operation = step.operation
        assert isinstance(operation, RenameField)
        field = step.old_field(operation.old_name)
        if field is None or not _can_be_mirrored(field):
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
            unsettled=(operation.model_name, new),
        )


def _can_be_mirrored(field: AnyField) -> bool:
    """Tell whether a second column can be kept equal to the field's."""
    return not (field.many_to_many or field.primary_key or field.generated)
