"""ZD209: uniqueness goes that running code may rely on."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import (
    AddUnique,
    DropColumn,
    DropConstraint,
    DropIndex,
    DropTable,
)


class DropUniqueBreaksUpserts(Rule):
    """`INSERT ... ON CONFLICT (columns)` needs a unique index on just those columns.

    `bulk_create(update_conflicts=True, unique_fields=[...])` writes such INSERTs. When the
    constraint goes, they fail. Everything else goes on: hence a warning.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AlterField("customer", "email", models.EmailField(db_column="mail")),
        ]
    ```

    Good, when no running code writes such INSERTs: say so.

    ```python
    class Migration(migrations.Migration):
        zero_downtime_ignore = {"ZD209": "nobody upserts customers"}
        operations = [
            migrations.AlterField("customer", "email", models.EmailField(db_column="mail")),
        ]
    ```
    """

    code = "ZD209"
    name = "drop-unique-breaks-upserts"
    hazards = (Hazard.BREAKS_OLD_CODE,)
    has_remedy = False
    statements = (DropConstraint, DropIndex)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect in step.effects:
            statement = effect.statement
            if not (effect.existing and isinstance(statement, DropConstraint | DropIndex)):
                continue
            if statement.unique and not _is_settled(effect, statement, step):
                yield self.finding(
                    step,
                    f'Values of table "{statement.table}" are not unique any more: INSERTs of '
                    "running code with ON CONFLICT on them fail.",
                    severity=Severity.WARNING,
                    hazards=[Hazard.BREAKS_OLD_CODE],
                    tables=[statement.table],
                    remedy="Make sure that no running code upserts by them, and say so: "
                    "# zero-downtime: ignore[ZD209] ...",
                )
                return


def _is_settled(effect: Effect, dropped: DropConstraint | DropIndex, step: Step) -> bool:
    """Tell whether the migration makes the columns unique again, or drops one of them as well."""
    columns = set(dropped.columns)
    for later in step.surroundings.after(effect):
        match later.statement:
            case DropTable(table=dropped.table):
                return True
            case DropColumn(table=dropped.table, column=column) if column in columns:
                return True
            case AddUnique(table=dropped.table, columns=others) if columns == set(others):
                return True
    return False
