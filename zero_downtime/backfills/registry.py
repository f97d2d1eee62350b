"""The persisted side of backfills: registering, finding and describing them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills.keys import Key
from zero_downtime.errors import Refused, UnknownName
from zero_downtime.models import Backfill, Transition
from zero_downtime.postgres import catalog, sessions

LISTING_VERSION = 1


def register(
    connection: BaseDatabaseWrapper, name: str, table: str, transition: Transition | None = None
) -> Backfill:
    """Return the backfill of that name, newly registered if it was not yet.

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
        },
    )
    return backfill


def start_over(connection: BaseDatabaseWrapper, backfill: Backfill) -> Backfill:
    """Let a backfill begin at the first key again."""
    backfill.status = Backfill.Status.PENDING
    backfill.cursor = None
    backfill.last_key = None
    backfill.rows_done = 0
    backfill.seconds_running = 0
    backfill.verified = None
    backfill.error = ""
    backfill.finished_at = None
    backfill.save(using=connection.alias)
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
    error: str | None

    @classmethod
    def of(cls, connection: BaseDatabaseWrapper, backfill: Backfill) -> Listed:
        """Describe `backfill` as it stands now."""
        rate = backfill.rows_done / backfill.seconds_running if backfill.seconds_running else None
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
            workers=sessions.count_by_application(connection, worker_application(backfill)),
            throttled_by=None,
            failed_batches=backfill.failed_batches,
            verified=backfill.verified,
            error=backfill.error or None,
        )


def worker_application(backfill: Backfill) -> str:
    """Return the application name by which the sessions of this backfill's workers are known."""
    return f"zero_downtime backfill {backfill.pk}"


def listing(connection: BaseDatabaseWrapper, backfills: list[Backfill]) -> dict[str, Any]:
    """Return the JSON document of `manage.py backfill --list --json`."""
    return {
        "version": LISTING_VERSION,
        "backfills": [asdict(Listed.of(connection, backfill)) for backfill in backfills],
    }
