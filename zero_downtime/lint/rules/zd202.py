"""ZD202: a column is dropped while running code still uses it."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import RemoveField
from django.db.models import ManyToManyField

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.model_states import AnyField, column_name, many_to_many_table
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step, is_stock


class RemoveFieldBreaksOldCode(Rule):
    """`RemoveField` drops the column and what is in it, at once and for good.

    Django names every column of a model in SELECT and INSERT, so code that still has the field
    fails from then on, even where it never looks at it. Migrating back adds an empty column.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RemoveField("order", "note"),
        ]
    ```

    Good, in two deploys. First see to it that code without the field can insert rows: the column
    has to be nullable or have a `db_default`. Take the field out of the state only and deploy the
    code that has no such field.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.SeparateDatabaseAndState(
                state_operations=[migrations.RemoveField("order", "note")],
            ),
        ]
    ```

    When no process runs the old code any more, drop the column.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL(
                "ALTER TABLE shop_order DROP COLUMN note",
                "ALTER TABLE shop_order ADD COLUMN note text",
            ),
        ]
    ```
    """

    code = "ZD202"
    name = "remove-field-breaks-old-code"
    hazards = (Hazard.BREAKS_OLD_CODE, Hazard.LOSES_DATA, Hazard.IRREVERSIBLE)

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if not (is_stock(operation, RemoveField) and step.on_existing_table):
            return
        field = step.old_field(operation.name)
        if field is None:
            return
        if isinstance(field, ManyToManyField):
            dropped = table = many_to_many_table(step.table, operation.name, field)
            what = f'many-to-many table "{dropped}"'
        else:
            dropped, table = column_name(operation.name, field), step.table
            what = f'column "{dropped}" of table "{table}"'
        if dropped is None or table is None:
            return
        first = (
            f"Make {operation.name} nullable or give it a db_default. Then take"
            if _must_be_given(field)
            else "Take"
        )
        yield self.finding(
            step,
            f"Dropping {what} breaks running code, which still names it, and its data is lost.",
            hazards=self.hazards,
            tables=[table],
            remedy=(
                f"{first} the field out of the state only (SeparateDatabaseAndState with "
                "state_operations), deploy, and drop it in a later release, when no running code "
                "has the field."
            ),
        )


def _must_be_given(field: AnyField) -> bool:
    """Tell whether an INSERT that leaves the column out fails."""
    return not (field.many_to_many or field.null or field.generated or field.has_db_default())
