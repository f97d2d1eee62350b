"""ZD203: a new NOT NULL column that old code does not fill."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.migrations import AddField

from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import (
    AddColumn,
    DropDefault,
    DropNotNull,
    SetDefault,
)


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

    `AddFieldConcurrently` does the same for a default in Python, and `makemigrations` writes it for
    you. Where there is no such value, add
    the column with `null=True`, fill it, and make it NOT NULL when all running code writes it (see
    ZD102).
    """

    code = "ZD203"
    name = "add-not-null-field-breaks-old-code"
    hazards = (Hazard.BREAKS_OLD_CODE, Hazard.MAY_FAIL)
    statements = (AddColumn,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect, statement in step.effects_of(AddColumn):
            if not statement.not_null or statement.written:
                continue
            column = f'"{statement.column}" of table "{statement.table}"'
            if statement.needs_a_value:
                hazard = Hazard.MAY_FAIL
                message = (
                    f"New column {column} is NOT NULL and has no default: "
                    "the migration fails if the table has a row."
                )
            elif statement.repeats_a_value:
                continue  # it fails before it could break anything: see ZD103
            elif not _has_default_in_the_end(step, effect, statement):
                hazard = Hazard.BREAKS_OLD_CODE
                message = (
                    f"New column {column} is NOT NULL without a default in the database: "
                    "every INSERT of running code, which does not know the column, fails."
                )
            else:
                continue
            yield self.finding(
                step,
                message,
                hazards=[hazard],
                tables=[statement.table],
                remedy=(
                    f"Give {statement.column} a db_default{_example(step)}, or use "
                    "AddFieldConcurrently; or add it with null=True, fill it, and make it NOT NULL "
                    "when all running code writes it."
                ),
            )


def _has_default_in_the_end(step: Step, effect: Effect, added: AddColumn) -> bool:
    """Tell whether rows that do not name the column are taken when the migration is done."""
    taken = added.default_stays
    for later in step.surroundings.after(effect):
        statement = later.statement
        if statement.table != added.table or getattr(statement, "column", "") != added.column:
            continue
        if isinstance(statement, SetDefault | DropNotNull):
            taken = True
        elif isinstance(statement, DropDefault):
            taken = False
    return taken


def _example(step: Step) -> str:
    if not isinstance(step.operation, AddField):
        return ""
    default: Any = step.operation.field.default
    is_plain = isinstance(default, bool | int | float | str)
    return f"={default!r}" if is_plain else ""
