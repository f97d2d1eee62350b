"""ZD201: a column is renamed under the feet of running code."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import RenameField

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import RenameColumn


class RenameFieldBreaksOldCode(Rule):
    """`RenameField` renames the column at once, but code is deployed process by process.

    Code that knows the old name fails in every SELECT, INSERT and UPDATE as soon as the migration
    has run; code that knows the new name fails until then. No order of deploying avoids it. The
    rename itself is a brief ACCESS EXCLUSIVE lock. On a foreign key Django also drops the
    constraint and adds it again: see ZD105.

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
    hazards = (Hazard.BREAKS_OLD_CODE,)
    statements = (RenameColumn,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect, statement in step.effects_of(RenameColumn):
            old, new, table = statement.column, statement.new_name, statement.table
            if not step.surroundings.old_code.knows_column(table, old):
                continue
            if _is_named_back(effect, statement, step):
                continue
            yield self.finding(
                step,
                f'Renaming column "{old}" of table "{table}" to "{new}" breaks running code, '
                "which uses the old name.",
                hazards=[Hazard.BREAKS_OLD_CODE],
                tables=[table],
                remedy=self._advice(step, statement),
            )

    def _advice(self, step: Step, statement: RenameColumn) -> str:
        if isinstance(step.operation, RenameField) and not self.remedy(step):
            return f"Keep the column: give the field db_column={statement.column!r}."
        return (
            "Use ExpandRenameField, BackfillField and ContractRenameField in three migrations, "
            "as makemigrations writes them unless told otherwise; or keep the column: give the "
            f"field db_column={statement.column!r}."
        )


def _is_named_back(effect: Effect, statement: RenameColumn, step: Step) -> bool:
    """Tell whether the column has its old name again when the migration is done."""
    name = statement.new_name
    for each in step.surroundings.after(effect):
        later = each.statement
        if isinstance(later, RenameColumn) and (later.table, later.column) == (
            statement.table,
            name,
        ):
            name = later.new_name
    return name == statement.column
