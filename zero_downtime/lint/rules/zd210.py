"""ZD210: a value of an enum type gets another name."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import EnumValue


class RenameEnumValueBreaksOldCode(Rule):
    """`ALTER TYPE ... RENAME VALUE` renames a value in all rows at once, but not in running code.

    Code that writes or compares the old value fails from then on: the type does not know it.
    Whether there is such code the migration does not say: hence a warning.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL(
                "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
                "ALTER TYPE mood RENAME VALUE 'fine' TO 'ok'",
            ),
        ]
    ```

    Good: add the new value, deploy code that knows both, and let it write the new one.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("ALTER TYPE mood ADD VALUE 'fine'", migrations.RunSQL.noop),
        ]
    ```
    """

    code = "ZD210"
    name = "rename-enum-value-breaks-old-code"
    hazards = (Hazard.BREAKS_OLD_CODE,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect in step.effects:
            statement = effect.statement
            if isinstance(statement, EnumValue) and statement.was:
                yield self.finding(
                    step,
                    f"Renaming the enum value {statement.was!r} to {statement.value!r} breaks "
                    "running code that uses the old one.",
                    severity=Severity.WARNING,
                    hazards=self.hazards,
                    tables=[],
                    remedy="Add the new value, and let code write it that knows both.",
                    only_if_written=True,
                )
