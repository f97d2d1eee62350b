"""ZD301: Python writes rows of a whole table in one transaction."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.data_migrations import function_name, places, python_code
from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.python_code import Extent, PythonCode
from zero_downtime.lint.rule import Rule, blocking, quoted, waiting_tables, who_waits
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import Opaque, ReadRows, WriteRows


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
        code = python_code(step.operation)
        if code is None:
            return
        written = [
            effect
            for effect, statement in step.effects_of(WriteRows)
            if effect.works and (effect.in_transaction or not statement.batched)
        ]
        behind = [effect for effect in step.effects if blocking(effect) and _is_of_rows(effect)]
        if behind:
            yield self._behind_a_lock(step, code, written, behind)
        elif written:
            yield self._long(step, code, written)
        elif unseen := [e for e in step.effects if isinstance(e.statement, Opaque) and e.altered]:
            yield self._unseen(step, unseen[0])

    def _behind_a_lock(
        self, step: Step, code: PythonCode, written: list[Effect], behind: list[Effect]
    ) -> Finding:
        # Schema and data are in one transaction; what is only read does not make it long.
        long = [Hazard.LONG_TRANSACTION] if written else []
        return self.finding(
            step,
            f"{function_name(step.operation)} goes through rows{_where(code)} while its "
            f"transaction holds locks.{who_waits(*behind)}",
            hazards=[*long, *blocking(*behind)],
            tables=waiting_tables(*behind),
            effects=behind,
            remedy="Move it to a migration of its own, as BatchedRunPython.",
        )

    def _unseen(self, step: Step, effect: Effect) -> Finding:
        return self.finding(
            step,
            f"{function_name(step.operation)} does what cannot be seen in the transaction that "
            f"has altered {quoted(effect.altered)}: nobody can use it until that is done.",
            severity=Severity.WARNING,
            hazards=[],
            tables=effect.altered,
            remedy="Move it to a migration of its own.",
        )

    def _long(self, step: Step, code: PythonCode, written: list[Effect]) -> Finding:
        tables = list(dict.fromkeys(e.statement.table for e in written if e.statement.table))
        return self.finding(
            step,
            f"{function_name(step.operation)} writes any number of rows"
            f"{f' of {quoted(tables)}' if tables else ''} in one transaction{_where(code)}: "
            "they stay locked until it is done.",
            severity=Severity.WARNING,
            hazards=[Hazard.LONG_TRANSACTION],
            tables=tables,
            effects=written,
            remedy=(
                "If there may be many, use BatchedRunPython in a migration with atomic = False."
            ),
        )


def _is_of_rows(effect: Effect) -> bool:
    """Tell whether it goes through rows; what SQL does to tables is for other rules to say."""
    return isinstance(effect.statement, WriteRows | ReadRows)


def _where(code: PythonCode) -> str:
    """Say in which lines."""
    found = [each for each in code.accesses if each.extent is not Extent.FEW]
    return f" ({places(found)})" if found else ""
