"""What the backfill of a transition does to the rows, by the transition's kind."""

from __future__ import annotations

from collections.abc import Callable

from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Transition
from zero_downtime.transitions import rename_field, retyping


def filling(transition: Transition) -> CopyColumn:
    """Return the work that fills the new side of `transition`."""
    return _FILLINGS[transition.kind](transition)


def _mirror(transition: Transition) -> CopyColumn:
    return rename_field.filling(transition)


_FILLINGS: dict[str, Callable[[Transition], CopyColumn]] = {
    rename_field.KIND: _mirror,
    retyping.KIND: retyping.FillHidden,
}
