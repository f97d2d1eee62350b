"""ZD110: one transaction locks many tables."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Severity
from zero_downtime.lint.rule import Rule, quoted
from zero_downtime.lint.walk import Step

MANY = 4


class ManyTablesLocked(Rule):
    """A migration that alters many tables in one transaction gathers their locks.

    Each ACCESS EXCLUSIVE lock is kept until the last table is altered. While the migration waits
    for the next lock, nobody can use the tables that it has already; and transactions that use the
    same tables in another order run into a deadlock with it. From four tables on that is worth a
    thought. No single one of them is at fault, so there is no hazard in it by itself.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddField("customer", "nick", models.TextField(null=True)),
            migrations.AddField("tag", "nick", models.TextField(null=True)),
            migrations.AddField("order", "nick", models.TextField(null=True)),
            migrations.AddField("basket", "nick", models.TextField(null=True)),
        ]
    ```

    Good: each operation in a transaction of its own, or in a migration of its own.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            migrations.AddField("customer", "nick", models.TextField(null=True)),
            migrations.AddField("tag", "nick", models.TextField(null=True)),
            migrations.AddField("order", "nick", models.TextField(null=True)),
            migrations.AddField("basket", "nick", models.TextField(null=True)),
        ]
    ```

    What runs without a transaction cannot be rolled back as a whole: give migrations with
    `atomic = False` few operations, or use the operations of `zero_downtime`, which can be run
    again.
    """

    code = "ZD110"
    name = "many-tables-locked"
    hazards = ()
    has_remedy = False

    def check(self, step: Step) -> Iterator[Finding]:
        for effect in step.effects:
            held = {*effect.altered}
            taken = {
                table
                for table, lock in effect.statement.locks.items()
                if lock.stops_reads and table not in step.surroundings.schema.new_tables
            }
            if len(held) < MANY <= len(held | taken):
                yield self.finding(
                    step,
                    f"This transaction locks {quoted(dict.fromkeys([*effect.altered, *taken]))}, "
                    "and keeps all of them until it ends.",
                    severity=Severity.WARNING,
                    hazards=[],
                    tables=sorted(held | taken),
                    remedy="Alter them in migrations of their own.",
                )
