"""What must be true before a contract may run."""

from __future__ import annotations

from datetime import timedelta

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q
from django.utils import timezone

from zero_downtime import conf
from zero_downtime.backfills import statuses
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill, Transition
from zero_downtime.postgres import catalog
from zero_downtime.transitions import evidence
from zero_downtime.transitions.pairs import ColumnPair
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.unused import is_unused


def why_closed(connection: BaseDatabaseWrapper, transition: Transition) -> str | None:
    """Return what the contract of `transition` still waits for, and what to run; None if open.

    That the data are equal is not asked here: it takes as long as the table is big, and the
    contract itself does it.
    """
    if not catalog.has_rows(connection, transition.table):
        return None
    if is_unused(transition.app_label, transition.model_name):
        return _unfinished_backfill(connection, transition)
    return (
        _unfinished_backfill(connection, transition)
        or _too_soon(transition)
        or _old_code_still_writes(connection, transition)
    )


def require_open(
    connection: BaseDatabaseWrapper, transition: Transition, key: TransitionKey, what: str
) -> None:
    """Check that nothing stands in the way of the next step of `transition`, whose key is `key`.

    Args:
        what: what it is about to become: `contracted`, `switched`.

    Raises:
        Refused: the gate is closed; says what it waits for, and what to run.
    """
    closed = why_closed(connection, transition)
    if closed is not None:
        raise Refused(f"The {key} cannot be {what} yet: {closed}")


def _unfinished_backfill(connection: BaseDatabaseWrapper, transition: Transition) -> str | None:
    unfinished = (
        Backfill.objects.using(connection.alias)
        .filter(Q(transition=transition) | Q(transition__leader=transition))
        .exclude(status=Backfill.Status.SUCCEEDED)
        .first()
    )
    if unfinished is None:
        return None
    return (
        f"backfill {unfinished.name} is {unfinished.status}. "
        f"Run: {statuses.how_to_go_on(unfinished)}"
    )


def _too_soon(transition: Transition) -> str | None:
    soak = timedelta(seconds=conf.get("CONTRACT_SOAK"))
    began = transition.switched_at or transition.expanded_at
    remaining = began + soak - timezone.now()
    if remaining <= timedelta(0):
        return None
    return (
        f"it was {transition.phase} less than {soak.total_seconds():.0f} s ago (CONTRACT_SOAK). "
        f"Run: manage.py migrate, in {remaining.total_seconds():.0f} s"
    )


def _old_code_still_writes(connection: BaseDatabaseWrapper, transition: Transition) -> str | None:
    quiet = conf.get("CONTRACT_QUIET")
    pair = ColumnPair.of(connection, transition.table, transition.old_column, transition.new_column)
    since = evidence.seconds_since_old_write(connection, pair)
    if since is None or since >= quiet:
        return None
    return (
        f"old code last wrote {transition.old_name!r} {since:.0f} s ago; it has to be quiet for "
        f"{quiet:.0f} s (CONTRACT_QUIET). Stop the old code, then run: manage.py migrate"
    )


def how_to_repair(connection: BaseDatabaseWrapper, transition: Transition) -> str:
    """Return the sentence that tells how to make the sides of `transition` equal."""
    backfill = transition.backfills.using(connection.alias).first()
    if backfill is None:
        leader = transition.leader or transition
        return (
            f"Add a migration with BackfillField({leader.model_name!r}, "
            f"{leader.new_name!r}) before the contract."
        )
    return f"Make them equal with: manage.py backfill {backfill.name} --repair"
