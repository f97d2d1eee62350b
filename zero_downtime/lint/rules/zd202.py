"""ZD202: a column is dropped while running code still uses it."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import DropColumn


class RemoveFieldBreaksOldCode(Rule):
    """`RemoveField` drops the column and what is in it, at once and for good.

    Django names every column of a model in SELECT and INSERT, so code that still has the field
    fails from then on, even where it never looks at it. Migrating back adds an empty column.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RemoveField("order", "note"),
        ]
    ```

    Good, in two migrations. The first takes the field out of the models. Its column stays, and an
    INSERT may leave it out, so that old and new code run side by side. Deploy the code that has no
    such field after it.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ExpandRemoveField("order", "note"),
        ]
    ```

    The second drops the column when no old code has written it for a while.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ContractRemoveField("order", "note"),
        ]
    ```

    `makemigrations` writes them for you. With `archive=True` in both, the contract keeps what is in
    the column, so that it can be reversed as well.
    """

    code = "ZD202"
    name = "remove-field-breaks-old-code"
    hazards = (Hazard.BREAKS_OLD_CODE, Hazard.LOSES_DATA, Hazard.IRREVERSIBLE)
    statements = (DropColumn,)

    def check(self, step: Step) -> Iterator[Finding]:
        for _, statement in step.effects_of(DropColumn):
            known = step.surroundings.old_code.knows_column(statement.table, statement.column)
            yield self.finding(
                step,
                f'Dropping column "{statement.column}" of table "{statement.table}" '
                + ("breaks running code, which still names it, and " if known else "means that ")
                + "its data is lost.",
                severity=Severity.ERROR if known else Severity.WARNING,
                hazards=self.hazards if known else (Hazard.LOSES_DATA, Hazard.IRREVERSIBLE),
                tables=[statement.table],
                remedy=(
                    "Use ExpandRemoveField and ContractRemoveField in two migrations, as "
                    "makemigrations writes them unless told otherwise; "
                    "with archive=True the values are kept."
                ),
            )
