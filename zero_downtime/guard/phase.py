"""Before or after the deploy: which side of it a migration belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db.migrations import Migration

from zero_downtime.errors import Refused, did_you_mean

if TYPE_CHECKING:
    from zero_downtime.guard.plan import HoldBack

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


def let_deploy(held_back: Iterable[HoldBack]) -> None:
    """Keep whoever has asked for all that belongs before the deploy from going on without it.

    Raises:
        Refused: some of it is held back, because it waits for what belongs after a deploy.
    """
    waiting = [each for each in held_back if each.phase is Phase.EXPAND]
    if waiting:
        raise Refused(
            "Do not deploy yet. New code may need what could not run:\n"
            + "".join(f"  {each}\n" for each in waiting)
            + "Finish the deploy before, when its old code is stopped, with: manage.py migrate "
            "--phase contract; then run the same command again. A migration that new code can do "
            'without belongs after the deploy: say phase = "contract" in it.'
        )
