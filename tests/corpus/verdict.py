"""What was observed of a migration, as the linter is measured against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from zero_downtime.lint.findings import Hazard

#: A dropped column is data lost and a migration that does not reverse: one question.
SAME_QUESTION = {Hazard.LOSES_DATA: Hazard.IRREVERSIBLE}

#: The hazards that verdicts speak of.
ASKED = tuple(hazard for hazard in Hazard if hazard not in SAME_QUESTION)


@dataclass(frozen=True)
class Verdict:
    """What ought to be reported of one migration."""

    case: str
    what: str
    hazards: frozenset[Hazard]
    tolerated: frozenset[Hazard] = frozenset()
    """A matter of taste: counts neither way."""
    fails_always: bool = False
    """Fails on any database; may be reported under any hazard."""
    sql: tuple[str, ...] = field(default=(), compare=False)
    """What was run, to show."""


def asked(hazards: Sequence[Hazard | str]) -> frozenset[Hazard]:
    """Return the hazards as verdicts speak of them."""
    return frozenset(SAME_QUESTION.get(Hazard(each), Hazard(each)) for each in hazards)
