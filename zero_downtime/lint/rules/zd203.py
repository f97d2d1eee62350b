"""ZD203: a new NOT NULL column that old code does not fill."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.migrations import AddField

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.model_states import AnyField, column_name
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step, is_stock


class AddNotNullFieldBreaksOldCode(Rule):
    """A NOT NULL column without a database default makes every INSERT of running code fail.

    A `default` lives in Python: Django gives it to the rows that exist and drops it from the
    database again. Old code knows nothing of the column and does not name it in its INSERTs, so
    PostgreSQL puts NULL there and refuses the row. `blank=True` on a text field and `auto_now` are
    such defaults as well. Without any default the migration itself fails if the table has a row.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddField("order", "priority", models.IntegerField(default=0)),
        ]
    ```

    Good: the database knows the default, too.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddField("order", "priority", models.IntegerField(db_default=0)),
        ]
    ```

    `AddFieldConcurrently` does the same for a default in Python. Where there is no such value, add
    the column with `null=True`, fill it, and make it NOT NULL when all running code writes it (see
    ZD102).
    """

    code = "ZD203"
    name = "add-not-null-field-breaks-old-code"
    hazards = (Hazard.BREAKS_OLD_CODE, Hazard.MAY_FAIL)

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if not (is_stock(operation, AddField) and step.on_existing_table):
            return
        # The operation's own field: the state forgets a default that is not preserved.
        field = operation.field
        if not _needs_a_value(operation.name, field):
            return
        column = f'"{column_name(operation.name, field)}" of table "{step.table}"'
        if _django_fills_existing_rows(field):
            hazard = Hazard.BREAKS_OLD_CODE
            message = (
                f"New column {column} is NOT NULL without a default in the database: "
                "every INSERT of running code, which does not know the column, fails."
            )
        else:
            hazard = Hazard.MAY_FAIL
            message = (
                f"New column {column} is NOT NULL and has no default: "
                "the migration fails if the table has a row."
            )
        yield self.finding(
            step,
            message,
            hazards=[hazard],
            tables=[step.table],
            remedy=(
                f"Give {operation.name} a db_default{_example(field)}, or use "
                "AddFieldConcurrently; or add it with null=True, fill it, and make it NOT NULL "
                "when all running code writes it."
            ),
        )


def _needs_a_value(name: str, field: AnyField) -> bool:
    return (
        not field.null
        and not field.primary_key
        and not field.generated
        and not field.has_db_default()
        and column_name(name, field) is not None
    )


def _django_fills_existing_rows(field: AnyField) -> bool:
    """Tell whether Django gives the rows that exist a value; its default is never called."""
    if field.has_default():
        return field.default is not None
    return (
        (field.blank and field.empty_strings_allowed)
        or getattr(field, "auto_now", False)
        or getattr(field, "auto_now_add", False)
    )


def _example(field: AnyField) -> str:
    default: Any = field.default
    is_plain = isinstance(default, bool | int | float | str)
    return f"={default!r}" if is_plain else ""
