"""ZD108: a constraint is validated, perhaps while locks are held."""

from __future__ import annotations

from collections.abc import Iterator

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule, blocking, waiting_tables, who_waits
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import AddCheck, AddForeignKey, ValidateConstraint


class ValidateUnderLock(Rule):
    """`VALIDATE CONSTRAINT` blocks nobody, but the locks of its transaction do.

    Adding a constraint NOT VALID and validating it is the right way, in two transactions. In one,
    the lock that added it is still held while every row is read, and nothing is won.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            AddConstraintNotValid(
                "order", models.CheckConstraint(condition=Q(number__gt=0), name="number_positive")
            ),
            ValidateConstraint("order", "number_positive"),
        ]
    ```

    Good: one operation that does it in two transactions.

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.AddConstraintConcurrently(
                "order", models.CheckConstraint(condition=Q(number__gt=0), name="number_positive")
            ),
        ]
    ```

    Where it validates in a transaction of its own, it may still find a row that does not fulfil the
    constraint: that is a warning.
    """

    code = "ZD108"
    name = "validate-under-lock"
    hazards = (Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES, Hazard.MAY_FAIL)
    statements = (ValidateConstraint,)

    def check(self, step: Step) -> Iterator[Finding]:
        for effect, statement in step.effects_of(ValidateConstraint):
            waiting = blocking(effect)
            fails = not _holds_but_null(effect, statement, step)
            if not (waiting or fails):
                continue
            yield self.finding(
                step,
                f'Validating constraint "{statement.name}" reads the whole table '
                f'"{statement.table}"{_AND_FAILS if fails else ""}.{who_waits(effect)}',
                severity=Severity.ERROR if waiting else Severity.WARNING,
                hazards=[*waiting, *([Hazard.MAY_FAIL] if fails else [])],
                tables=waiting_tables(effect),
                effects=(effect,),
                remedy="Validate in a transaction of its own, after the rows were mended; "
                "AddConstraintConcurrently adds and validates in two.",
            )


_AND_FAILS = ", and fails if one row does not fulfil it"


def _holds_but_null(effect: Effect, statement: ValidateConstraint, step: Step) -> bool:
    """Tell whether the constraint is about new columns that nobody has filled."""
    for each in step.surroundings.before(effect):
        added = each.statement
        if isinstance(added, AddCheck | AddForeignKey) and added.name == statement.name:
            return step.surroundings.holds_but_null(effect, added)
    return False
