"""ZD309: SQL begins or ends a transaction behind Django's back."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import Brief

_BEGINS = ("BEGIN", "START")
_ENDS = ("COMMIT", "ROLLBACK")


class TransactionControl(Rule):
    """`COMMIT` in an atomic migration ends Django's transaction, which knows nothing of it.

    What was done before stays, or with `ROLLBACK` is gone, whatever becomes of the rest: if that
    fails, the migration is not recorded, and the next `migrate` begins with what is there
    already. The other way round, a `BEGIN` without an end in a migration with `atomic = False`
    makes it fail: Django cannot record it inside of a transaction that is not its own.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL(
                "UPDATE shop_order SET note = '' WHERE id = 7; COMMIT", migrations.RunSQL.noop
            ),
        ]
    ```

    Good: Django commits when the migration is done. What is to be committed before stands in a
    migration before, or in one with `atomic = False`.

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.RunSQL("UPDATE shop_order SET note = '' WHERE id=7", migrations.RunSQL.noop),
        ]
    ```
    """

    code = "ZD309"
    name = "transaction-control"
    hazards = (Hazard.MAY_FAIL,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect in step.effects:
            command = _command(effect)
            if command in _ENDS and step.in_transaction:
                yield self._ends(step, command)
                return
            if command in _BEGINS and not step.in_transaction and _is_left_open(effect, step):
                yield self._never_ends(step, command)
                return

    def _ends(self, step: Step, command: str) -> Finding:
        becomes = "stays" if command == "COMMIT" else "is gone"
        return self.finding(
            step,
            f"{command} ends the transaction of the migration: what was done before {becomes}, "
            "whatever becomes of the rest.",
            severity=Severity.WARNING,
            hazards=[],
            tables=[],
            remedy="Leave it to Django; split the migration, or set `atomic = False`.",
        )

    def _never_ends(self, step: Step, command: str) -> Finding:
        return self.finding(
            step,
            f"{command} begins a transaction that nobody ends: Django cannot record the migration "
            "in it, and fails.",
            hazards=self.hazards,
            tables=[],
            remedy="Add COMMIT; or leave it out, and take `atomic = False` off the migration.",
        )


def _command(effect: Effect) -> str:
    return effect.statement.what if isinstance(effect.statement, Brief) else ""


def _is_left_open(begin: Effect, step: Step) -> bool:
    return not any(_command(later) in _ENDS for later in step.surroundings.after(begin))
