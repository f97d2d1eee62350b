"""ZD202: a column is dropped while running code still uses it."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import AddColumn, DropColumn


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
        for effect, statement in step.effects_of(DropColumn):
            if _is_new(effect, statement, step):
                continue
            known = step.surroundings.old_code.knows_column(statement.table, statement.column)
            hazards = [Hazard.BREAKS_OLD_CODE] if known else []
            consequences = ["breaks running code, which still names it"] if known else []
            if not statement.generated:
                hazards += [Hazard.LOSES_DATA, Hazard.IRREVERSIBLE]
                consequences.append("loses its data")
            if not hazards:
                continue
            yield self.finding(
                step,
                f'Dropping column "{statement.column}" of table "{statement.table}" '
                f"{', and '.join(consequences)}.",
                severity=Severity.ERROR if known else Severity.WARNING,
                hazards=hazards,
                tables=[statement.table],
                remedy=(
                    "Use ExpandRemoveField and ContractRemoveField in two migrations, as "
                    "makemigrations writes them unless told otherwise; "
                    "with archive=True the values are kept."
                ),
            )


def _is_new(effect: Effect, statement: DropColumn, step: Step) -> bool:
    """Tell whether the same migration has added the column, and nothing is in it of worth."""
    return any(
        isinstance(added := each.statement, AddColumn)
        and (added.table, added.column) == (statement.table, statement.column)
        for each in step.surroundings.before(effect)
    )
