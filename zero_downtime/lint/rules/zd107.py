"""ZD107: a new column makes PostgreSQL write every row anew."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AddField

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule, blocking, waiting_tables, who_waits
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import AddColumn


class AddColumnRewritesTable(Rule):
    """A new column whose value differs from row to row is written into every row.

    A constant default, and even `Now()`, is kept in the catalog and costs nothing. But for
    `db_default=RandomUUID()` or `Random()`, for an identity, and for a stored `GeneratedField`,
    PostgreSQL writes the table and all its indexes anew, under an ACCESS EXCLUSIVE lock: nobody
    can read or write meanwhile.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddField("order", "token", models.UUIDField(db_default=RandomUUID())),
        ]
    ```

    Good:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.AddFieldConcurrently("order", "token", models.UUIDField(db_default=RandomUUID())),
        ]
    ```

    It adds the column without the default, sets the default for rows to come, and fills the others
    in batches. Instead of a stored `GeneratedField` add an ordinary column, filled and kept true by
    a trigger; or, from PostgreSQL 18 on, use `db_persist=False`. `makemigrations` writes
    `AddFieldConcurrently` for you.
    """

    code = "ZD107"
    name = "add-column-rewrites-table"
    hazards = (Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES)
    statements = (AddColumn,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect, statement in step.effects_of(AddColumn):
            if not statement.rewrites or statement.needs_a_value:
                continue
            why = statement.written or "its default differs from row to row"
            yield self.finding(
                step,
                f'New column "{statement.column}" is written into every row of table '
                f'"{statement.table}": {why}.{who_waits(effect)}',
                hazards=blocking(effect),
                tables=waiting_tables(effect),
                effects=(effect,),
                remedy=_remedy(step, statement),
            )


def _remedy(step: Step, statement: AddColumn) -> str:
    if statement.written:
        return (
            "Add an ordinary nullable column, fill it with BackfillField, and keep it true with a "
            "trigger; or, for a generated column on PostgreSQL 18, use db_persist=False."
        )
    if isinstance(step.operation, AddField):
        return "Use AddFieldConcurrently in a migration with atomic = False."
    return "Add the column without it, then SET DEFAULT, then fill the rows that exist in batches."
