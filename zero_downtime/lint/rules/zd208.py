"""ZD208: a default that the INSERTs of running code rely on is dropped."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import (
    AddIdentity,
    DropDefault,
    DropIdentity,
    DropNotNull,
    Statement,
)

Dropped = DropDefault | DropIdentity | AddIdentity


class DropDefaultBreaksOldCode(Rule):
    """Code that leaves a value to the database fails when the database has none any more.

    Models with a `db_default` send DEFAULT in their INSERTs, those with an automatic key no key at
    all. When the default of a NOT NULL column goes, or the identity of a key, every INSERT of
    running code fails. An identity that is added to a column with rows begins at 1, and collides
    with them.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AlterField("tag", "id", models.BigIntegerField(primary_key=True)),
        ]
    ```

    Good: deploy code that gives every row its value first, while the database still has a default
    for the rest. Until then, only the state learns of it:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.SeparateDatabaseAndState(
                state_operations=[
                    migrations.AlterField("tag", "id", models.BigIntegerField(primary_key=True)),
                ]
            ),
        ]
    ```
    """

    code = "ZD208"
    name = "drop-default-breaks-old-code"
    hazards = (Hazard.BREAKS_OLD_CODE,)
    has_remedy = False
    statements = ()

    def check(self, step: Step) -> Iterator[Finding]:
        for effect in step.effects:
            statement = effect.statement
            if not (effect.existing and isinstance(statement, Dropped)):
                continue
            if not _matters(step, effect, statement):
                continue
            collides = isinstance(statement, AddIdentity)
            yield self.finding(
                step,
                _message(statement),
                # It is new code that lets the database count.
                hazards=[] if collides else [Hazard.BREAKS_OLD_CODE],
                tables=[statement.table],
                remedy="Deploy code that gives every row a value first; "
                "let SeparateDatabaseAndState tell the state until then.",
            )


def _matters(step: Step, effect: Effect, statement: Statement) -> bool:
    """Tell whether INSERTs of running code fail: not if NULL is fine, nor if it gets another."""
    if not isinstance(statement, DropDefault):
        return True
    if not step.surroundings.old_code.knows_column(statement.table, statement.column):
        return False
    if any(each.column == statement.column for _, each in step.effects_of(DropNotNull)):
        return False
    old = step.old_field(getattr(step.operation, "name", ""))
    if old is None:
        old = step.surroundings.old_code.field(statement.table, statement.column)
    return old is None or (old.has_db_default() and not old.null)


def _message(statement: Dropped) -> str:
    column = f'"{statement.column}" of table "{statement.table}"'
    if isinstance(statement, AddIdentity):
        return (
            f"The identity of column {column} begins at 1: INSERTs collide with the rows there are."
        )
    what = "default" if isinstance(statement, DropDefault) else "identity"
    return f"Column {column} loses its {what}, which the INSERTs of running code rely on."
