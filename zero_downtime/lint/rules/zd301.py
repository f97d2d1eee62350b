"""ZD301: Python changes rows in the transaction of a migration."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import RunPython

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step, is_stock


class RunPythonInOneTransaction(Rule):
    """`RunPython` in an atomic migration does all its work in one transaction.

    Every row it has written stays locked until the last one is, and vacuum can clean up nothing
    meanwhile. On a small table that is nothing; on a large one, users wait: hence a warning. Behind
    a schema change of the same migration it is an error: the lock of that change is still held, so
    that nobody can read or write its table until the function returns.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunPython(fill_in_totals),
        ]
    ```

    Good, in a migration of its own: the function gets a batch of rows at a time, and each batch is
    committed for itself. A large table is left to `manage.py backfill`.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.BatchedRunPython(fill_in_totals_of_batch, "order"),
        ]
    ```

    A `RunPython` that does its own batches, in a migration with `atomic = False`, is fine as well.
    """

    code = "ZD301"
    name = "run-python-in-one-transaction"
    hazards = (Hazard.LONG_TRANSACTION, Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES)

    def check(self, step: Step) -> Iterator[Finding]:
        operation = step.operation
        if not is_stock(operation, RunPython) or operation.code is RunPython.noop:
            return
        if not step.in_transaction or not _can_meet_rows(step):
            return
        name = getattr(operation.code, "__name__", "RunPython")
        locked = sorted(table for effect in step.effects for table in effect.altered)
        if locked:
            names = ", ".join(f'"{table}"' for table in locked)
            yield self.finding(
                step,
                f"{name} runs in the transaction that has altered {names}: "
                "nobody can read or write there until it is done.",
                hazards=self.hazards,
                tables=locked,
                remedy="Move it to a migration of its own, as BatchedRunPython.",
            )
        else:
            yield self.finding(
                step,
                f"{name} runs in one transaction: rows it changes stay locked until it is done.",
                severity=Severity.WARNING,
                hazards=[Hazard.LONG_TRANSACTION],
                tables=[],
                remedy=(
                    "If it may meet many rows, use BatchedRunPython "
                    "in a migration with atomic = False."
                ),
            )


def _can_meet_rows(step: Step) -> bool:
    """Tell whether there are old tables that the function is likely to work on.

    Which tables it works on is not known. An app that has no tables but new ones fills those.
    """
    surroundings = step.surroundings
    apps = {app_label for app_label, _ in surroundings.existing_tables()}
    has_own_tables = any(label == step.app_label for label, _ in surroundings.old_code.state.models)
    return step.app_label in apps if has_own_tables else bool(apps)
