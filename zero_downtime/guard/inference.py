"""Which phase a migration belongs to that does not say so."""

from __future__ import annotations

from collections.abc import Collection

from zero_downtime.guard.phase import Phase
from zero_downtime.lint.walk import Step
from zero_downtime.operations.transition_steps import Contract, Switch
from zero_downtime.postgres.statements import CreateIndex, DropColumn, DropTable


def inferred_phase(steps: Collection[Step], *, follows_contract: bool = False) -> Phase:
    """Return the phase of a migration by what it does to tables that exist.

    Args:
        follows_contract: whether it depends on one that belongs after the deploy. New code can do
            without an index until then, so that the deploy need not wait for it.

    What it *forbids*, by a constraint or NOT NULL, does not make it a contract: as often as old
    code has to be gone for it, new code relies on it. The migration has to say so.
    """
    comes_after = any(map(_takes_away, steps)) or (
        follows_contract and all(map(_only_speeds_up, steps))
    )
    return Phase.CONTRACT if comes_after else Phase.EXPAND


def _takes_away(step: Step) -> bool:
    """Tell whether code that ran before the deploy may use what is gone after it."""
    if isinstance(step.operation, Switch | Contract):
        return step.on_existing_table
    return any(
        effect.existing and isinstance(effect.statement, DropColumn | DropTable)
        for effect in step.effects
    )


def _only_speeds_up(step: Step) -> bool:
    """Tell whether code does the same before the step and after it, as far as is known."""
    statements = [effect.statement for effect in (*step.effects, *step.online)]
    if not statements:  # as of a help text, if nobody else has a say in what is done
        return type(step.operation).database_forwards.__module__.startswith("django.")
    return all(isinstance(each, CreateIndex) and not each.unique for each in statements)
