"""ZD504: Django itself does not do it."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import Refused


class OperationFails(Rule):
    """Some changes of a field Django refuses when the migration runs, not when it is written.

    A many-to-many field cannot become another kind of field, nor get or lose its `through=`; a
    generated field cannot be altered. The migration fails on every database.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AlterField(
                "order", "tags", models.ManyToManyField("shop.Tag", through="shop.OrderTag")
            ),
        ]
    ```

    Good: a new field beside the old one.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddField("order", "labels", models.ManyToManyField("shop.Tag")),
        ]
    ```

    Where the database is to stay as it is (the model of `through=` uses the table that is there),
    put the operation into the `state_operations` of a `SeparateDatabaseAndState`.
    """

    code = "ZD504"
    name = "operation-fails"
    hazards = (Hazard.MAY_FAIL,)
    always_fails = True

    def check(self, step: Step) -> Iterator[Finding]:
        for effect in step.effects:
            if isinstance(effect.statement, Refused):
                yield self.finding(
                    step,
                    f"It fails: {effect.statement.why}.",
                    hazards=self.hazards,
                    tables=[],
                    remedy="Add a new field; or, if the database is to stay as it is, put it into "
                    "the state_operations of a SeparateDatabaseAndState.",
                )
