"""ZD302: an operation that refuses to run in a transaction is in one."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.postgres.operations import NotInTransactionMixin
from django.db.migrations import RunSQL

from zero_downtime import operations
from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.walk import Step

OURS = tuple(getattr(operations, name) for name in operations.__all__)


class NonAtomicOperationInTransaction(Rule):
    """An operation that works in several transactions, or in none, is in an atomic migration.

    It refuses to run there: on PostgreSQL `migrate` fails and rolls the migration back. The
    operations of `zero_downtime` would keep every lock until the end, and
    `CREATE INDEX CONCURRENTLY` is not possible at all. `squashmigrations` writes such files: it
    puts operations together and forgets that they stood in a migration with `atomic = False`. A
    squashed migration is otherwise not judged, because no database that has data runs it.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            zd.BackfillField("order", "note", value=""),
        ]
    ```

    Good:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.BackfillField("order", "note", value=""),
        ]
    ```

    The same is true of `VACUUM`, `CREATE INDEX CONCURRENTLY` and others in `RunSQL`. A string with
    several statements is a transaction, too, whatever the migration says; a list of strings is not.

    If a squashed migration would be better off in a transaction, take the operation out of it: on
    a new database there are no rows to be moved.
    """

    code = "ZD302"
    name = "non-atomic-operation-in-transaction"
    hazards = (Hazard.MAY_FAIL,)
    always_fails = True

    def check(self, step: Step) -> Iterator[Finding]:
        name = type(step.operation).__name__
        if step.in_transaction and isinstance(step.operation, (*OURS, NotInTransactionMixin)):
            yield self._fails(
                step,
                f"{name} cannot run inside a transaction, but its migration is atomic: "
                "it will fail.",
            )
        elif any(e.in_transaction and e.statement.refuses_transaction for e in step.effects):
            why = (
                "its migration is atomic"
                if step.in_transaction
                else "it is sent together with others, which makes one of them all"
            )
            yield self._fails(
                step,
                f"{name} has a statement that cannot run inside a transaction, but {why}: "
                "it will fail.",
            )

    def _fails(self, step: Step, message: str) -> Finding:
        alone = isinstance(step.operation, RunSQL) and not step.in_transaction
        return self.finding(
            step,
            message,
            hazards=self.hazards,
            # Whatever the tables are like: so it is refused by `migrate` without rows, too.
            tables=[],
            remedy="Give each statement to RunSQL as an item of a list of its own."
            if alone
            else "Set `atomic = False` on the Migration class.",
        )
