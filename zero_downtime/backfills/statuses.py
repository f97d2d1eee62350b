"""The statuses of a backfill, and how one leads to another."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.errors import Refused
from zero_downtime.models import Backfill

Status = Backfill.Status

# From a status to those that may follow it, each with the reason why it may.
CHANGES: dict[Status, dict[Status, str]] = {
    Status.PENDING: {
        Status.RUNNING: "a worker begins",
        Status.PAUSED: "nobody is at work, so there is no batch to wait for",
        Status.CANCELLED: "somebody does not want it, or has moved the rows in another way",
    },
    Status.RUNNING: {
        Status.PAUSING: "somebody wants it to pause, and a worker is in a batch",
        Status.PAUSED: "somebody wants it to pause, and no worker is left",
        Status.CANCELLED: "workers find out after their batch",
        Status.FAILED: "all rows were tried, and some cannot be moved; or too many cannot",
        Status.SUCCEEDED: "no row is left",
        Status.PENDING: "somebody starts it over",
    },
    Status.PAUSING: {
        Status.PAUSED: "the last worker has finished its batch",
        Status.RUNNING: "somebody has changed their mind before it paused",
        Status.CANCELLED: "as if it were running",
    },
    Status.PAUSED: {
        Status.PENDING: "somebody resumes it; whoever is there first goes on",
        Status.CANCELLED: "as if it were pending",
    },
    Status.FAILED: {
        Status.PENDING: "the cause is mended, and the rows that failed are to be tried again",
        Status.CANCELLED: "the rows that failed are nobody's concern any more",
    },
    Status.CANCELLED: {
        Status.PENDING: "it is wanted after all; what it had done still is",
    },
    Status.SUCCEEDED: {
        Status.PENDING: "it starts over: to repair, or because its contract was taken back",
    },
}


# What people type to get further from a status; nothing but the name where it is missing.
_OPTIONS = {
    Status.PAUSING: "--resume ",
    Status.PAUSED: "--resume ",
    Status.CANCELLED: "--retry ",
    Status.FAILED: "--retry ",
}


def how_to_go_on(backfill: Backfill) -> str:
    """Return the command that takes `backfill` up."""
    return f"manage.py backfill {_OPTIONS.get(Status(backfill.status), '')}{backfill.name}"


def change(connection: BaseDatabaseWrapper, backfill: Backfill, to: Status) -> Backfill:
    """Give `backfill` the status `to`, if the one it has in the database allows that.

    The database decides, in one statement: of two commands at the same time, the later one is
    asked about what the earlier one made of it.

    Raises:
        Refused: it does not allow that.
    """
    sources = [source for source, targets in CHANGES.items() if to in targets]
    rows = Backfill.objects.using(connection.alias).filter(pk=backfill.pk)
    changed = rows.filter(status__in=sources).update(status=to)
    backfill.refresh_from_db(using=connection.alias)
    if not changed:
        raise Refused(f"Backfill {backfill.name} is {backfill.status}: it cannot become {to}.")
    return backfill
