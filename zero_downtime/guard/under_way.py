"""Which transitions are under way, and what each of them waits for."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.models import Transition
from zero_downtime.postgres import catalog
from zero_downtime.transitions import gates


def describe_transitions(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """Yield a line for each transition that has begun and not ended, the oldest first."""
    if not catalog.table_exists(connection, Transition._meta.db_table):
        return
    leaders = Transition.objects.using(connection.alias).filter(leader=None)
    begun = leaders.exclude(phase=Transition.Phase.CONTRACTED)
    for transition in begun.order_by("expanded_at", "id"):
        since = transition.switched_at or transition.expanded_at
        by = f" by {transition.migration}" if transition.migration else ""
        gate = gates.why_closed(connection, transition)
        yield (
            f"{transition}: {transition.phase}{by}, since {since:%Y-%m-%d %H:%M:%S %Z}; "
            + (f"its gate is closed: {gate}" if gate else "its gate is open")
        )
