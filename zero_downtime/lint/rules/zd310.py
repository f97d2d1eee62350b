"""ZD310: a value of an enum type is used before it is committed."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import Brief, EnumValue, WriteRows


class EnumValueUsedTooEarly(Rule):
    """A transaction writes a value that it has itself added to an enum type.

    `ALTER TYPE ... ADD VALUE` is fine in a transaction, but the value can be used only when that
    is committed: `unsafe use of new value`. A type that the transaction has created is exempt.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("ALTER TYPE mood ADD VALUE 'fine'", migrations.RunSQL.noop),
            migrations.RunSQL(
                "UPDATE shop_order SET status = 'fine' WHERE id = 7", migrations.RunSQL.noop
            ),
        ]
    ```

    Good, in two migrations:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("ALTER TYPE mood ADD VALUE 'fine'", migrations.RunSQL.noop),
        ]
    ```

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL(
                "UPDATE shop_order SET status = 'fine' WHERE id = 7", migrations.RunSQL.noop
            ),
        ]
    ```
    """

    code = "ZD310"
    name = "enum-value-used-too-early"
    hazards = (Hazard.MAY_FAIL,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect in step.effects:
            statement = effect.statement
            if not (isinstance(statement, WriteRows) and effect.in_transaction):
                continue
            for value in sorted(statement.texts & _added(effect, step)):
                yield self.finding(
                    step,
                    f"{value!r} is used in the transaction that has added it to an enum type: "
                    "PostgreSQL refuses that until it is committed.",
                    hazards=self.hazards,
                    tables=[statement.table],
                    remedy="Add the value in a migration before.",
                )


def _added(effect: Effect, step: Step) -> set[str]:
    """Return the new values that the transaction of `effect` has added to types there were."""
    before = [
        each.statement
        for each in step.surroundings.before(effect)
        if step.migration.atomic or each in step.effects
    ]
    if Brief("", "CREATE ENUM") in before:
        return set()
    return {each.value for each in before if isinstance(each, EnumValue) and not each.was}
