"""ZD301: Python writes rows of a whole table in one transaction."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.data_migrations import (
    function_name,
    is_opaque,
    long_accesses,
    places,
    python_code,
    tables_of,
)
from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.python_code import Access, Extent, Kind, PythonCode
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step


class RunPythonInOneTransaction(Rule):
    """`RunPython` in an atomic migration does all its work in one transaction.

    Every row it has written stays locked until the last one is, and vacuum can clean up nothing
    meanwhile. On a small table that is nothing; on a large one, users wait: hence a warning. Behind
    a schema change of the same migration it is an error: the lock of that change is still held, so
    that nobody can read or write its table until the function returns. There, reading many rows
    takes as long as writing them.

    The function is not called but read. A few rows, such as those it creates one by one or finds by
    primary key, are not reported, nor are tables that the same migration creates. What is hidden in
    code that is not read is reported only behind a schema change, as a warning.

    Bad:

    ```python
    def forwards(apps, schema_editor):
        Order = apps.get_model("shop", "Order")
        Order.objects.filter(note=None).update(note="")


    class Migration(migrations.Migration):
        operations = [
            migrations.RunPython(forwards, migrations.RunPython.noop),
        ]
    ```

    Good, in a migration of its own: the function gets a batch of rows at a time, and each batch is
    committed for itself. A large table is left to `manage.py backfill`.

    ```python
    def forwards(apps, orders):
        orders.filter(note=None).update(note="")


    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.BatchedRunPython(forwards, "order", forwards),
        ]
    ```

    A `RunPython` that does its own batches, in a migration with `atomic = False`, is fine as well.
    Without a transaction around it, a single `update()` is one all the same, and so is a loop
    inside of `transaction.atomic()`.
    """

    code = "ZD301"
    name = "run-python-in-one-transaction"
    hazards = (Hazard.LONG_TRANSACTION, Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES)

    def check(self, step: Step) -> Iterator[Finding]:
        code = python_code(step)
        if code is None:
            return
        locked = sorted(step.surroundings.locked_tables) if step.in_transaction else []
        written = [each for each in long_accesses(step, code, Kind.WRITE) if _is_one(each, step)]
        read = long_accesses(step, code, Kind.READ, Kind.LOAD) if locked else []
        if locked and (written or read or is_opaque(step, code)):
            yield self._behind_a_lock(step, code, locked, written, read)
        elif written:
            yield self._long(step, written)

    def _behind_a_lock(
        self,
        step: Step,
        code: PythonCode,
        locked: list[str],
        written: list[Access],
        read: list[Access],
    ) -> Finding:
        names = ", ".join(f'"{table}"' for table in locked)
        seen = written + read
        what = f" ({places(seen)})" if seen else ", and does what cannot be seen"
        hazards = [Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES]
        return self.finding(
            step,
            f"{function_name(step)} runs in the transaction that has altered {names}{what}: "
            "nobody can read or write there until it is done.",
            severity=Severity.ERROR if seen else Severity.WARNING,
            # Schema and data are in one transaction; what is only read does not make it long.
            hazards=[Hazard.LONG_TRANSACTION, *hazards] if written or not seen else hazards,
            tables=list(dict.fromkeys([*locked, *tables_of(step, written)])),
            remedy="Move it to a migration of its own, as BatchedRunPython.",
        )

    def _long(self, step: Step, written: list[Access]) -> Finding:
        tables = tables_of(step, written)
        names = ", ".join(f'"{table}"' for table in tables)
        return self.finding(
            step,
            f"{function_name(step)} writes any number of rows{f' of {names}' if names else ''} in "
            f"one transaction ({places(written)}): they stay locked until it is done.",
            severity=Severity.WARNING,
            hazards=[Hazard.LONG_TRANSACTION],
            tables=tables,
            remedy=(
                "If there may be many, use BatchedRunPython in a migration with atomic = False."
            ),
        )


def _is_one(access: Access, step: Step) -> bool:
    """Tell whether all the rows of an access are written in one transaction."""
    return step.in_transaction or access.extent is Extent.ALL
