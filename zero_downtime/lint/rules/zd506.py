"""ZD506: a composite primary key that nobody makes."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AddField
from django.db.models import CompositePrimaryKey

from zero_downtime.lint.findings import Finding, Severity
from zero_downtime.lint.model_states import has_table
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step, is_stock
from zero_downtime.postgres.statements import AddUnique


class CompositeKeyIsNotMade(Rule):
    """Django makes a composite primary key with its table, and at no other time.

    Added to a model whose table is there it does nothing to the database, and says nothing
    either: rows of the same key can be written.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddField("order", "pk", models.CompositePrimaryKey("customer_id", "number")),
        ]
    ```

    Good: make it by hand, and tell the state of it.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.SeparateDatabaseAndState(
                state_operations=[
                    migrations.AddField(
                        "order", "pk", models.CompositePrimaryKey("customer_id", "number")
                    ),
                ],
            ),
        ]
    ```

    The index for it is built by `CREATE UNIQUE INDEX CONCURRENTLY`, and becomes the key with
    `ALTER TABLE ... ADD PRIMARY KEY USING INDEX`, when the old key is dropped.
    """

    code = "ZD506"
    name = "composite-key-is-not-made"
    hazards = ()

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if not is_stock(operation, AddField):
            return
        if not isinstance(operation.field, CompositePrimaryKey):
            return
        if step.before is None or not has_table(step.before) or _is_made_by_hand(step):
            return
        yield self.finding(
            step,
            f'Table "{step.table}" does not get this primary key: Django makes a composite one '
            "only together with its table.",
            severity=Severity.WARNING,
            hazards=[],
            tables=[step.table],
            remedy="Make it with RunSQL, and put this into the state_operations of a "
            "SeparateDatabaseAndState.",
        )


def _is_made_by_hand(step: Step) -> bool:
    return any(
        isinstance(each.statement, AddUnique)
        and each.statement.primary_key
        and each.statement.table == step.table
        for each in step.surroundings.effects
    )
