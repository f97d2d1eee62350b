"""ZD303: SQL writes rows of a whole table in one transaction."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import RunSQL

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule, blocking, waiting_tables, who_waits
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import WriteRows


class UnbatchedWrite(Rule):
    """One UPDATE, DELETE or INSERT ... SELECT over a whole table is one long transaction.

    Every row it has written stays locked until the last one is, vacuum can clean up nothing
    meanwhile, and replicas fall behind. How long it takes depends on the table: hence a warning.
    Behind a schema change of the same transaction it is an error: the lock of that change is still
    held, so that nobody can use its table until the last row is written.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("UPDATE shop_order SET note = ''", migrations.RunSQL.noop),
        ]
    ```

    Good, in a migration of its own: batches, each committed for itself. A large table is left to
    `manage.py backfill`.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.BackfillField("order", "note", value=""),
        ]
    ```

    `BatchedRunPython` does it where the value has to be computed in Python.
    """

    code = "ZD303"
    name = "unbatched-write"
    hazards = (
        Hazard.LONG_TRANSACTION,
        Hazard.BLOCKS_READS,
        Hazard.BLOCKS_WRITES,
        Hazard.LOSES_DATA,
        Hazard.IRREVERSIBLE,
    )
    statements = (WriteRows,)

    def check(self, step: Step) -> Iterator[Finding]:
        if not isinstance(step.operation, RunSQL):
            return
        effects: list[Effect] = [effect for effect, _ in step.effects_of(WriteRows) if effect.works]
        if not effects:
            return
        first = effects[0].statement
        assert isinstance(first, WriteRows)
        hazards = [Hazard.LONG_TRANSACTION, *blocking(*effects)]
        if any(
            isinstance(e.statement, WriteRows) and e.statement.verb == "DELETE" for e in effects
        ):
            hazards += [Hazard.LOSES_DATA, Hazard.IRREVERSIBLE]
        yield self.finding(
            step,
            f'{first.verb} goes through the whole table "{first.table}" in one transaction: '
            f"rows stay locked until the last one is written.{who_waits(*effects)}",
            severity=Severity.ERROR if blocking(*effects) else Severity.WARNING,
            hazards=hazards,
            tables=waiting_tables(*effects),
            effects=effects,
            remedy="Use BackfillField or BatchedRunPython in a migration with atomic = False.",
        )
