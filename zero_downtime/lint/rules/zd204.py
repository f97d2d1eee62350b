"""ZD204: a change of type writes the whole table anew while everybody waits."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AlterField

from zero_downtime.lint.catalogue import type_has_to_change_before
from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule, blocking, waiting_tables, who_waits
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import AlterColumnType


class AlterFieldRewritesTable(Rule):
    """`AlterField` to a type that is stored in another way writes every row and index anew.

    PostgreSQL does so under an ACCESS EXCLUSIVE lock: nobody can read or write the table meanwhile,
    minutes for some ten million rows. If it is a primary key that changes (an `AutoField` that
    becomes a `BigAutoField`), all tables that refer to it are written anew in the same transaction.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AlterField("order", "number", models.BigIntegerField()),
        ]
    ```

    Good, in three migrations. The first adds a hidden column of the new type, which a trigger keeps
    true, and fills it. Running code does not see it.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ExpandAlterField("order", "number", models.BigIntegerField()),
            zd.BackfillField("order", "number"),
        ]
    ```

    The second lets it take the old column's place, which is kept true for the way back. Deploy code
    that can do with both types before it.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.SwitchAlterField("order", "number", models.BigIntegerField()),
        ]
    ```

    The third drops the old column.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ContractAlterField("order", "number", models.BigIntegerField()),
        ]
    ```

    `makemigrations` writes them for you. If PostgreSQL has no cast between the types, give all
    three `forward=` and `backward=`.

    More room needs no new table, and is not reported: a greater `max_length`, a `CharField` that
    becomes a `TextField`, more `max_digits` with the same `decimal_places`. Unless there is a CHECK
    on the column, which is verified again, or an index with an expression or a condition on it,
    which is built again: both under the same lock.
    """

    code = "ZD204"
    name = "alter-field-rewrites-table"
    hazards = (Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES)
    statements = (AlterColumnType,)

    def check(self, step: Step) -> Iterator[Finding]:
        working = [
            (effect, statement)
            for effect, statement in step.effects_of(AlterColumnType)
            if effect.works
        ]
        if not working:
            return
        effects = [effect for effect, _ in working]
        first = working[0][1]
        others = dict.fromkeys(each.table for _, each in working if each.table != first.table)
        yield self.finding(
            step,
            _message(first, len(others)) + who_waits(*effects),
            hazards=blocking(*effects),
            tables=waiting_tables(*effects),
            effects=effects,
            remedy=_remedy(step, first),
        )


def _message(statement: AlterColumnType, others: int) -> str:
    types = (
        f"from {statement.before} to {statement.after}"
        if statement.before
        else (f"to {statement.after}")
    )
    what = f'Changing column "{statement.column}" {types}'
    if not statement.rewrites:
        return f'{what} goes through table "{statement.table}": there is {statement.rereads} on it.'
    more = f", and {others} that refer to it," if others else ""
    return f'{what} writes table "{statement.table}"{more} anew.'


def _remedy(step: Step, statement: AlterColumnType) -> str:
    operation = step.operation
    if not statement.rewrites:
        return (
            "Drop it before, and add it again after with AddConstraintConcurrently or "
            "AddIndexConcurrently; or use ExpandAlterField, SwitchAlterField, ContractAlterField."
        )
    before = isinstance(operation, AlterField) and type_has_to_change_before(step, operation)
    return before or (
        "Use ExpandAlterField, BackfillField, SwitchAlterField and ContractAlterField in "
        "three migrations, as makemigrations writes them unless told otherwise."
    )
