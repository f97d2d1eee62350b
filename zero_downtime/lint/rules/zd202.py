"""ZD202: a column is dropped while running code still uses it."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import DeleteModel, RemoveField
from django.db.models import ManyToManyField

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.model_states import column_name, many_to_many_table
from zero_downtime.lint.remedies import Remedy, Stage
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step, is_stock
from zero_downtime.operations import ContractRemoveField, ExpandRemoveField


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

    Good, in two migrations. The first takes the field out of the models. Its column stays, and an
    INSERT may leave it out, so that old and new code run side by side. Deploy the code that has no
    such field after it.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ExpandRemoveField("order", "note"),
        ]
    ```

    The second drops the column when no old code has written it for a while.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.ContractRemoveField("order", "note"),
        ]
    ```

    `makemigrations` writes them for you. With `archive=True` in both, the contract keeps what is in
    the column, so that it can be reversed as well.
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
        yield self.finding(
            step,
            f"Dropping {what} breaks running code, which still names it, and its data is lost.",
            hazards=self.hazards,
            tables=[table],
            remedy=(
                "Use ExpandRemoveField and ContractRemoveField in two migrations, as "
                "makemigrations writes them unless told otherwise."
            ),
        )

    def remedy(self, step: Step) -> Remedy | None:
        operation = step.operation
        assert isinstance(operation, RemoveField)
        field = step.old_field(operation.name)
        if field is None or field.primary_key or _model_goes_too(step, operation):
            return None
        model, name = operation.model_name, operation.name
        return Remedy(
            (
                Stage(
                    (ExpandRemoveField(model, name),),
                    suffix="expand",
                    when=f"Run it before deploying code without {name}; old code goes on using it.",
                ),
                Stage(
                    (ContractRemoveField(model, name),),
                    suffix="contract",
                    when=f"Run it when no running code has {name} any more; its values are gone "
                    "then, unless you add archive=True here and to the expand.",
                ),
            ),
            unsettled=(model, name),
        )


def _model_goes_too(step: Step, operation: RemoveField) -> bool:
    """Tell whether the migration deletes the model as well, so that no contract could follow."""
    return any(
        isinstance(each, DeleteModel) and each.name_lower == operation.model_name_lower
        for each in step.migration.operations
    )
