"""ZD104: a CHECK is validated while everybody waits."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AddConstraint, RemoveConstraint

from zero_downtime.lint.expressions import implies
from zero_downtime.lint.findings import Finding, Hazard
from zero_downtime.lint.rule import Rule, blocking, waiting_tables, who_waits
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import AddCheck, AddColumn


class AddCheckBlocksReads(Rule):
    """`ADD CONSTRAINT ... CHECK` reads the whole table under an ACCESS EXCLUSIVE lock.

    Nobody can read or write the table meanwhile, and it fails if one row does not fulfil the
    condition. A `PositiveIntegerField` brings a CHECK, too: added to a table it reads every row
    under that lock, even if it is NULL in all of them.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddConstraint(
                "order", models.CheckConstraint(condition=Q(number__gt=0), name="number_positive")
            ),
        ]
    ```

    Good, when running code writes nothing that the constraint forbids:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.AddConstraintConcurrently(
                "order", models.CheckConstraint(condition=Q(number__gt=0), name="number_positive")
            ),
        ]
    ```

    It adds the constraint NOT VALID, which looks at no row, and validates it afterwards under a
    lock that blocks nobody. `AddFieldConcurrently` and `AlterFieldConcurrently` do the same for the
    CHECK of a field. `makemigrations` writes them for you.
    """

    code = "ZD104"
    name = "add-check-blocks-reads"
    hazards = (Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES, Hazard.MAY_FAIL, Hazard.BREAKS_OLD_CODE)
    statements = (AddCheck,)

    def check(self, step: Step) -> Iterator[Finding]:
        effects = list(_checking(step))
        if not effects:
            return
        hazards = blocking(*effects)
        statement = effects[0].statement
        fails = isinstance(statement, AddCheck) and not (
            step.surroundings.holds_but_null(effects[0], statement)
            or _takes_the_place_of_a_stricter_one(step)
        )
        if fails:
            hazards += [Hazard.MAY_FAIL, Hazard.BREAKS_OLD_CODE]
        yield self.finding(
            step,
            f'A CHECK on table "{statement.table}" reads the whole table'
            + (", and fails if one row does not fulfil it." if fails else ".")
            + who_waits(*effects),
            hazards=hazards,
            tables=waiting_tables(*effects),
            effects=effects,
            only_if_written=True,
            remedy=_remedy(step),
        )


def _checking(step: Step) -> Iterator[Effect]:
    for effect in step.effects:
        if not effect.works:
            continue
        match effect.statement:
            case AddCheck(valid=True) | AddColumn(check=True):
                yield effect


def _takes_the_place_of_a_stricter_one(step: Step) -> bool:
    """Tell whether a CHECK that the migration has dropped forbids all that this one forbids."""
    operation = step.operation
    if not isinstance(operation, AddConstraint):
        return False
    new = getattr(operation.constraint, "condition", None)
    return any(
        isinstance(each.operation, RemoveConstraint)
        and each.before is not None
        and each.table == step.table
        and (each.table, each.operation.name) not in step.surroundings.schema.unproven
        and implies(
            getattr(each.before.get_constraint_by_name(each.operation.name), "condition", None), new
        )
        for each in step.surroundings.steps_before(step)
    )


def _remedy(step: Step) -> str:
    name = type(step.operation).__name__
    if name in ("AddConstraint", "AddField", "AlterField"):
        return f"Use {name}Concurrently in a migration with atomic = False."
    return (
        "Add it NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own; "
        "AddConstraintConcurrently does both."
    )
