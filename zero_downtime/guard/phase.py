"""Before or after the deploy: which side of it a migration belongs to."""

from __future__ import annotations

from enum import StrEnum

from django.db.migrations import Migration

from zero_downtime.errors import Refused, did_you_mean

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
