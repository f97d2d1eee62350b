"""The persisted side of backfills: registering, finding and describing them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills import physical
from zero_downtime.backfills.keys import Key
from zero_downtime.errors import Refused, UnknownName
from zero_downtime.models import Backfill, Transition
from zero_downtime.postgres import catalog, sessions

LISTING_VERSION = 1
# How the application names of all workers begin.
WORKERS = "zero_downtime backfill "


def register(
    connection: BaseDatabaseWrapper, name: str, table: str, transition: Transition | None = None
) -> Backfill:
    """Return the backfill of that name, newly registered if it was not yet.

    Args:
        transition: the one whose new side it fills. Its triggers take care of rows that are
            written from now on, so the rows may be visited in any order.

    Raises:
        Refused: the table cannot be walked; better now than when everything waits for it.
    """
    Key.of(connection, table)
    backfill, _ = Backfill.objects.using(connection.alias).get_or_create(
        name=name,
        defaults={
            "table": table,
            "transition_id": transition.pk if transition else None,
            "rows_estimated": catalog.estimated_rows(connection, table),
            "file": physical.file_to_walk(connection, table) if transition else None,
        },
    )
    return backfill


def unregister(connection: BaseDatabaseWrapper, name: str) -> None:
    """Forget the backfill of that name, if there is one."""
    Backfill.objects.using(connection.alias).filter(name=name).delete()


def select(connection: BaseDatabaseWrapper, names: list[str]) -> list[Backfill]:
    """Return the backfills of these names in that order; without names, all in order of birth.

    Raises:
        UnknownName: there is no backfill of a name.
        Refused: our own tables do not exist yet.
    """
    if not catalog.table_exists(connection, Backfill._meta.db_table):
        raise Refused(
            "The tables of zero_downtime do not exist in this database yet. "
            "Run: manage.py migrate zero_downtime"
        )
    backfills = Backfill.objects.using(connection.alias).select_related("transition")
    known = {backfill.name: backfill for backfill in backfills}
    for name in names:
        if name not in known:
            raise UnknownName("backfill", name, known)
    return [known[name] for name in names] if names else list(known.values())


@dataclass(frozen=True)
class Listed:
    """One backfill as `manage.py backfill --list --json` shows it. Times in seconds."""

    name: str
    database: str
    table: str
    status: str
    rows_done: int
    rows_estimated: int
    rate: float | None
    eta_seconds: int | None
    workers: int
    throttled_by: str | None
    failed_batches: int
    verified: bool | None

    @classmethod
    def of(cls, connection: BaseDatabaseWrapper, backfill: Backfill) -> Listed:
        """Describe `backfill` as it stands now."""
        workers = workers_at(connection, backfill)
        rate = rate_of(backfill, workers)
        rows_left = max(0, backfill.rows_estimated - backfill.rows_done)
        finished = backfill.status == Backfill.Status.SUCCEEDED
        return cls(
            name=backfill.name,
            database=connection.alias,
            table=backfill.table,
            status=backfill.status,
            rows_done=backfill.rows_done,
            rows_estimated=backfill.rows_estimated,
            rate=None if rate is None else round(rate, 1),
            eta_seconds=0 if finished else round(rows_left / rate) if rate else None,
            workers=workers,
            throttled_by=(backfill.throttled_by or None) if workers else None,
            failed_batches=backfill.failed_batches,
            verified=backfill.verified,
        )


def rate_of(backfill: Backfill, workers: int) -> float | None:
    """Return how many rows a second that many workers move; of one, if none is at work."""
    if not backfill.seconds_running:
        return None
    return backfill.rows_done / backfill.seconds_running * max(1, workers)


def workers_at(connection: BaseDatabaseWrapper, backfill: Backfill) -> int:
    """Return how many workers are at it now, or wait to be."""
    return sessions.count_by_application(connection, worker_application(backfill))


def worker_application(backfill: Backfill) -> str:
    """Return the application name by which the sessions of this backfill's workers are known."""
    return f"{WORKERS}{backfill.pk}"


def listing(connection: BaseDatabaseWrapper, backfills: list[Backfill]) -> dict[str, Any]:
    """Return the JSON document of `manage.py backfill --list --json`.

    An entry has an `error` only if there is one.
    """
    entries = []
    for backfill in backfills:
        entry = asdict(Listed.of(connection, backfill))
        if backfill.error:
            entry["error"] = backfill.error
        entries.append(entry)
    return {"version": LISTING_VERSION, "backfills": entries}
