"""ZD305: a data migration keeps a whole table in memory."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import RunPython

from zero_downtime.lint.data_migrations import function_name
from zero_downtime.lint.findings import Finding, Severity
from zero_downtime.lint.rule import Rule, quoted
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import ReadRows


class RunPythonLoadsWholeTable(Rule):
    """A loop over a queryset keeps all its rows in memory, and so does `list()`.

    Ten million rows are some ten gigabytes of Python objects: the migration is killed half-way, or
    the machine is. How much it is depends on the table: hence a warning. Nobody waits in the
    database for it, so there is no hazard. A queryset with a condition is not reported, because
    nobody can tell how many rows meet it.

    Bad:

    ```python
    def forwards(apps, schema_editor):
        for order in apps.get_model("shop", "Order").objects.all():
            order.note = order.status
            order.save(update_fields=["note"])


    class Migration(migrations.Migration):
        atomic = False
        operations = [
            migrations.RunPython(forwards, migrations.RunPython.noop),
        ]
    ```

    Good:

    ```python
    def forwards(apps, schema_editor):
        for order in apps.get_model("shop", "Order").objects.iterator():
            order.note = order.status
            order.save(update_fields=["note"])


    class Migration(migrations.Migration):
        atomic = False
        operations = [
            migrations.RunPython(forwards, migrations.RunPython.noop),
        ]
    ```

    `BatchedRunPython` never has more than a batch of rows at a time, and can go on where it was
    stopped.
    """

    code = "ZD305"
    name = "run-python-loads-whole-table"
    hazards = ()

    def check(self, step: Step) -> Iterator[Finding]:
        if not isinstance(step.operation, RunPython):
            return
        loads = [each for _, each in step.effects_of(ReadRows) if each.in_memory and each.table]
        if not loads:
            return
        tables = list(dict.fromkeys(each.table for each in loads))
        lines = ", ".join(dict.fromkeys(f"line {each.line}" for each in loads))
        yield self.finding(
            step,
            f"{function_name(step.operation)} loads all rows of {quoted(tables)} into memory at "
            f"once ({lines}).",
            severity=Severity.WARNING,
            hazards=[],
            tables=tables,
            remedy="Loop over .iterator(), or use BatchedRunPython.",
        )
