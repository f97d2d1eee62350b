"""Which phase a migration belongs to that does not say so."""

from __future__ import annotations

from collections.abc import Iterable

from zero_downtime.guard.phase import Phase
from zero_downtime.lint.walk import Step
from zero_downtime.operations.transition_steps import Contract, Switch
from zero_downtime.postgres.statements import DropColumn, DropTable


def inferred_phase(steps: Iterable[Step]) -> Phase:
    """Return the phase of a migration by what it does to tables that exist.

    What it *forbids*, by a constraint or NOT NULL, does not make it a contract: as often as old
    code has to be gone for it, new code relies on it. The migration has to say so.
    """
    return Phase.CONTRACT if any(map(_takes_away, steps)) else Phase.EXPAND


def _takes_away(step: Step) -> bool:
    """Tell whether code that ran before the deploy may use what is gone after it."""
    if isinstance(step.operation, Switch | Contract):
        return step.on_existing_table
    return any(
        effect.existing and isinstance(effect.statement, DropColumn | DropTable)
        for effect in step.effects
    )
