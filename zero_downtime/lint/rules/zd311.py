"""ZD311: triggers are turned off, and stay so."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import Brief


class TriggersStayDisabled(Rule):
    """`DISABLE TRIGGER` turns off whatever keeps rows true, and nothing turns it on again.

    `ALL` turns off foreign keys as well. And the two sides of a transition are kept equal by
    triggers: while those are off, rows that are written differ from then on.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("ALTER TABLE shop_order DISABLE TRIGGER USER", ""),
        ]
    ```

    Good: in one transaction, which keeps others from writing meanwhile.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL(
                [
                    "ALTER TABLE shop_order DISABLE TRIGGER USER",
                    "UPDATE shop_order SET note = '' WHERE id = 7",
                    "ALTER TABLE shop_order ENABLE TRIGGER USER",
                ],
                migrations.RunSQL.noop,
            ),
        ]
    ```
    """

    code = "ZD311"
    name = "triggers-stay-disabled"
    hazards = ()

    def check(self, step: Step) -> Iterator[Finding]:
        for effect, statement in step.effects_of(Brief):
            if not statement.what.startswith("DISABLE TRIGGER"):
                continue
            if not _are_enabled_again(effect, step):
                yield self.finding(
                    step,
                    f'{statement.what} on "{statement.table}": what these triggers do is not done '
                    "for rows that are written from now on.",
                    severity=Severity.WARNING,
                    hazards=[],
                    tables=[statement.table],
                    remedy="Turn them on again in the same migration: ENABLE TRIGGER.",
                )


def _are_enabled_again(disabled: Effect, step: Step) -> bool:
    return any(
        isinstance(later.statement, Brief)
        and later.statement.what.startswith("ENABLE")
        and later.statement.table == disabled.statement.table
        for later in step.surroundings.after(disabled)
    )
