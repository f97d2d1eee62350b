"""ZD204: a change of type writes the whole table anew while everybody waits."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AlterField

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.model_states import column_name
from zero_downtime.lint.remedies import Remedy, Stage
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step, is_stock
from zero_downtime.operations import (
    BackfillField,
    ContractAlterField,
    ExpandAlterField,
    SwitchAlterField,
)
from zero_downtime.postgres.type_changes import has_cast


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
    becomes a `TextField`, more `max_digits` with the same `decimal_places`.
    """

    code = "ZD204"
    name = "alter-field-rewrites-table"
    hazards = (Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES)

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if not (is_stock(operation, AlterField) and step.on_existing_table):
            return
        types = step.rewriting_types(operation.name)
        if types is None:
            return
        before, after = types
        column = column_name(operation.name, operation.field)
        more = ", and those that refer to it," if operation.field.primary_key else ""
        yield self.finding(
            step,
            f'Changing column "{column}" from {before} to {after} writes table '
            f'"{step.table}"{more} anew, while nobody can read or write.',
            hazards=self.hazards,
            tables=[step.table],
            remedy=_what_to_do_before(step, operation)
            or "Use ExpandAlterField, BackfillField, SwitchAlterField and ContractAlterField in "
            "three migrations, as makemigrations writes them unless told otherwise.",
        )

    def remedy(self, step: Step) -> Remedy | None:
        operation = step.operation
        assert isinstance(operation, AlterField)
        types = step.rewriting_types(operation.name)
        if types is None or _what_to_do_before(step, operation):
            return None
        before, after = types
        model, name = operation.model_name, operation.name
        arguments = (model, name, operation.field)
        casts = (
            ""
            if has_cast(before, after)
            else f" If PostgreSQL has no cast between {before} and {after}, give forward= and "
            "backward= to the expand, the switch and the contract before that."
        )
        return Remedy(
            (
                Stage(
                    (ExpandAlterField(*arguments), BackfillField(model, name)),
                    suffix="expand",
                    when=f"Run it at any time: running code does not notice that {name} has a "
                    f"hidden column of type {after}. `manage.py backfill` fills a large table."
                    + casts,
                ),
                Stage(
                    (SwitchAlterField(*arguments),),
                    suffix="switch",
                    when=f"Run it when all running code can do with {name} of either type; it is "
                    f"{after} from then on, instead of {before}.",
                    needed_by_others=True,
                ),
                Stage(
                    (ContractAlterField(*arguments),),
                    suffix="contract",
                    when=f"Run it when {name} need not become {before} again; "
                    "the old column is gone then.",
                ),
            ),
            unsettled=(model, name),
        )


def _what_to_do_before(step: Step, operation: AlterField) -> str | None:
    """Return what has to be done first, because the type cannot change together with it."""
    if not step.keeps_column(operation.name):
        return "Change the type first, in the column that it has; then change its db_column."
    if not operation.preserve_default:
        return "Change the type first, and let it be NULL still; then fill it, and forbid NULL."
    return None
