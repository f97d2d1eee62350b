"""ZD103: uniqueness is enforced while everybody waits."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations import AddConstraint
from django.db.migrations.operations.models import AlterTogetherOptionOperation

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.rule import Rule, blocking, waiting_tables, who_waits
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import Step
from zero_downtime.postgres.statements import (
    AddColumn,
    AddUnique,
    CreateIndex,
    DropConstraint,
)


class AddUniqueBlocksReads(Rule):
    """Uniqueness needs an index, and `ADD CONSTRAINT ... UNIQUE` builds it under a full lock.

    Nobody can read or write the table meanwhile. Where Django makes a unique index instead of a
    constraint (a condition, expressions, included columns, operator classes), reads go on and
    writes wait. In any case it fails if two rows are alike, and from then on so do the writes of
    running code that make them alike.

    Bad:

    ```python
    class Migration(migrations.Migration):
        operations = [
            migrations.AddConstraint(
                "order", models.UniqueConstraint(fields=["number"], name="order_number_uniq")
            ),
        ]
    ```

    Good, when running code writes no number twice:

    ```python
    class Migration(migrations.Migration):
        atomic = False
        operations = [
            zd.AddConstraintConcurrently(
                "order", models.UniqueConstraint(fields=["number"], name="order_number_uniq")
            ),
        ]
    ```

    It builds the index concurrently and turns it into the constraint in an instant.
    `AlterFieldConcurrently` and `AddFieldConcurrently` do the same for `unique=True`. Instead of
    `unique_together`, use a `UniqueConstraint`. `makemigrations` writes them for you.
    """

    code = "ZD103"
    name = "add-unique-blocks-reads"
    hazards = (Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES, Hazard.MAY_FAIL, Hazard.BREAKS_OLD_CODE)
    statements = (AddUnique, CreateIndex)

    def check(self, step: Step) -> Iterator[Finding]:
        effects = list(_making_unique(step))
        if not effects:
            return
        hazards = blocking(*effects)
        fails = any(_may_fail(effect, step) for effect in effects)
        if fails:
            hazards.append(Hazard.MAY_FAIL)
        if fails and blocking(*effects):  # else it fails for any two rows, and breaks nobody
            hazards.append(Hazard.BREAKS_OLD_CODE)
        if not hazards:
            return
        table = effects[0].statement.table
        yield self.finding(
            step,
            f'Making values of table "{table}" unique reads the whole table'
            + (", and fails if two rows are alike." if fails else ".")
            + who_waits(*effects),
            severity=Severity.WARNING if _is_concurrent(effects) else Severity.ERROR,
            hazards=hazards,
            tables=waiting_tables(*effects),
            effects=effects,
            only_if_written=True,
            remedy=_remedy(step),
        )


def _making_unique(step: Step) -> Iterator[Effect]:
    for effect in step.effects:
        match effect.statement:
            case AddColumn(repeats_a_value=True) if effect.existing:
                yield effect
            case AddUnique() | CreateIndex(unique=True) | AddColumn(unique=True) if effect.works:
                yield effect


def _is_concurrent(effects: list[Effect]) -> bool:
    return all(
        isinstance(each.statement, CreateIndex) and each.statement.concurrently for each in effects
    )


def _may_fail(effect: Effect, step: Step) -> bool:
    statement = effect.statement
    if isinstance(statement, AddColumn):  # NULLs and random values are all different
        return statement.repeats_a_value
    assert isinstance(statement, AddUnique | CreateIndex)
    return not (
        statement.implied
        or _was_unique_until_now(statement, effect, step)
        or _holds_but_null(statement, effect, step)
    )


def _was_unique_until_now(statement: AddUnique | CreateIndex, effect: Effect, step: Step) -> bool:
    """Tell whether the transaction has dropped a constraint that forbade the same, or more."""
    return step.migration.atomic and any(
        isinstance(dropped := each.statement, DropConstraint)
        and dropped.unique
        and dropped.table == statement.table
        and bool(dropped.columns)
        and set(dropped.columns) <= set(statement.columns)
        for each in step.surroundings.before(effect)
    )


def _holds_but_null(statement: AddUnique | CreateIndex, effect: Effect, step: Step) -> bool:
    """Tell whether one of the columns is new, and nobody has filled it: NULLs are all different."""
    null = step.surroundings.null_columns(effect, statement.table)
    return statement.nulls_distinct and not null.isdisjoint(statement.columns)


def _remedy(step: Step) -> str:
    operation = step.operation
    if isinstance(operation, AlterTogetherOptionOperation):
        return (
            "Declare a UniqueConstraint in Meta.constraints instead, and add it with "
            "AddConstraintConcurrently in a migration with atomic = False."
        )
    if isinstance(operation, AddConstraint):
        return (
            f"Use AddConstraintConcurrently({operation.model_name!r}, ...) "
            "in a migration with atomic = False."
        )
    name = type(operation).__name__
    if name in ("AddField", "AlterField"):
        return f"Use {name}Concurrently in a migration with atomic = False."
    return (
        "Use AddConstraintConcurrently; or CREATE UNIQUE INDEX CONCURRENTLY, then "
        "ADD CONSTRAINT ... UNIQUE USING INDEX, with atomic = False."
    )
