"""Before or after the deploy: which side of it a migration belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from django.db.migrations import Migration

from zero_downtime.errors import Refused, did_you_mean
from zero_downtime.lint.walk import Step
from zero_downtime.operations.transition_steps import Contract, Switch
from zero_downtime.postgres.statements import DropColumn, DropTable

ATTRIBUTE = "phase"
"""By which a Migration class says its phase."""


class Phase(StrEnum):
    """What `migrate --phase` can be asked for."""

    EXPAND = "expand"
    """Runs before new code is deployed: it adds what new code needs."""
    CONTRACT = "contract"
    """Runs when old code is stopped: it takes away what only that has used."""


NAMES = [phase.value for phase in Phase]


def declared_phase(migration: Migration) -> Phase | None:
    """Return what the Migration class says of its phase; None if it says nothing.

    Raises:
        Refused: it says something else than `expand` or `contract`; with exit code 2.
    """
    declared = getattr(migration, ATTRIBUTE, None)
    if declared is None:
        return None
    if declared in NAMES:
        return Phase(declared)
    hint = did_you_mean(str(declared), NAMES)
    raise Refused(
        f'{migration}: phase = {declared!r} is neither "expand" nor "contract". {hint}'.rstrip(),
        returncode=2,
    )


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
