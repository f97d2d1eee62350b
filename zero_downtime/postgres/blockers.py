"""Sessions that are in the way of a lock: who they are, and what may be done to them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import conf
from zero_downtime.postgres import errors
from zero_downtime.postgres.catalog import IN_THIS_DATABASE
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.lock_modes import Lock

logger = logging.getLogger("zero_downtime.locks")

# What pg_blocking_pids() says of a transaction that outlives its session.
PREPARED_TRANSACTION = 0
CLIENT = "client backend"
AUTOVACUUM = "autovacuum worker"
AS_MANY_AS_PEOPLE_READ = 5

_SESSIONS = """
    SELECT activity.pid, activity.usename, activity.application_name, activity.state,
           extract(epoch FROM clock_timestamp() - activity.xact_start)::float8,
           CASE WHEN activity.state IS NOT NULL AND %(log_queries)s
                THEN left(activity.query, 200) END,
           activity.xact_start, activity.backend_type, coalesce(role.rolsuper, false),
           coalesce(pg_has_role(activity.usesysid, 'USAGE'), false)
               OR pg_has_role('pg_signal_backend', 'USAGE')
    FROM pg_stat_activity AS activity
    LEFT JOIN pg_roles AS role ON role.oid = activity.usesysid
"""


@dataclass(frozen=True)
class Session:
    """Another session that holds a lock, as far as our role may see it; the rest is None.

    `query` is None as well where `LOG_QUERIES` is False. `began` is when its transaction did.
    """

    pid: int
    user: str | None
    application: str | None
    state: str | None
    seconds_in_transaction: float | None
    query: str | None
    began: datetime | None = None
    kind: str | None = None
    """The `backend_type`: 'client backend', 'autovacuum worker' or another one."""
    is_superuser: bool = False
    may_be_ended: bool = False
    """Whether our role is allowed to: it has the rights of theirs, or of `pg_signal_backend`."""

    @property
    def is_autovacuum(self) -> bool:
        """Whether it works for nobody; an ordinary role may not see more of an autovacuum."""
        return self.kind == AUTOVACUUM or (self.kind is None and self.user is None)

    def __str__(self) -> str:
        if self.pid == PREPARED_TRANSACTION:
            return "a prepared transaction (see pg_prepared_xacts)"
        age = self.seconds_in_transaction
        since = "" if age is None else f", in a transaction for {age:.0f} s"
        user = self.user or self.kind or "a process of the server"
        application = f", {self.application}" if self.application else ""
        shown = f": {self.query}" if self.query else ""
        state = self.state or "unknown state"
        return f"pid {self.pid} ({user}{application}, {state}{since}){shown}"


HOW = ("wait", "cancel", "terminate")


@dataclass(frozen=True)
class BlockerPolicy:
    """What is done to sessions in the way.

    Args:
        how: "wait", "cancel" (end what they run) or "terminate" (end the session, which is what a
            session that idles in its transaction needs).
        age: seconds; only transactions that have lasted longer are touched.
    """

    how: str = "wait"
    age: float = 60

    @classmethod
    def configured(cls) -> BlockerPolicy:
        """Return that of the settings `ON_BLOCKER` and `BLOCKER_AGE`."""
        return cls(conf.get("ON_BLOCKER"), conf.get("BLOCKER_AGE"))

    def concerns(self, session: Session) -> bool:
        """Whether `session` has been there for long enough for something to be done."""
        age = session.seconds_in_transaction
        return self.how != "wait" and age is not None and age > self.age

    def objection(self, session: Session) -> str | None:
        """Return why it must not be done to `session` all the same; None if it may."""
        if session.kind != CLIENT:
            return "it is a process of the server"
        if session.is_superuser:
            return "it is a superuser's"
        if not session.may_be_ended:
            return f"that takes the rights of role {session.user} or of pg_signal_backend"
        if self.how == "cancel" and session.state != "active":
            return "it runs nothing that could be cancelled; only --on-blocker terminate ends it"
        return None


def end(connection: BaseDatabaseWrapper, session: Session, how: str) -> bool:
    """Cancel or terminate `session`; False if its transaction has ended by now."""
    function = {"cancel": "pg_cancel_backend", "terminate": "pg_terminate_backend"}[how]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {function}(pid) FROM pg_stat_activity WHERE pid = %s AND xact_start = %s",
            [session.pid, session.began],
        )
        return (True,) in cursor.fetchall()


def send_autovacuum_away(connection: BaseDatabaseWrapper, pid: int) -> None:
    """Let autovacuum make way for backend `pid`, which waits for a lock on a table.

    It does so for whoever has waited for `deadlock_timeout`, which nobody does under a
    `LOCK_TIMEOUT` that is no longer: both are 1 s if left alone. So `connection` waits for longer,
    for a lock that lets clients pass. Autovacuum to prevent wraparound makes way for nobody.
    Locks: SHARE UPDATE EXCLUSIVE on the table, for an instant.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_class.oid::regclass::text FROM pg_locks "
            "JOIN pg_class ON pg_class.oid = relation "
            "WHERE pid = %s AND NOT granted AND relkind IN ('r', 'p')",
            [pid],
        )
        for (table,) in cursor.fetchall():
            with _unless_it_stays():
                # Both in one transaction, because they are sent together.
                cursor.execute(
                    "SELECT set_config('lock_timeout', (2 * setting::int)::text, true) "
                    "FROM pg_settings WHERE name = 'deadlock_timeout'; "
                    f"LOCK TABLE {table} IN {Lock.SHARE_UPDATE_EXCLUSIVE.sql} MODE"
                )


@contextmanager
def _unless_it_stays() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if not errors.is_lock_failure(error):
            raise


def describe(sessions: Iterable[Session]) -> str:
    """Name `sessions` in one sentence."""
    by_pid = {session.pid: session for session in sessions}
    if not by_pid:
        return "Nobody holds a lock on it any more."
    return "In the way: " + "; ".join(map(str, by_pid.values())) + "."


def sessions_blocking(connection: BaseDatabaseWrapper, pid: int) -> list[Session]:
    """Return whom backend `pid` waits for right now; nobody if it does not wait for a lock."""
    with connection.cursor() as cursor:
        # Working out who blocks whom stops the server's lock manager for a moment.
        cursor.execute(
            "SELECT pg_blocking_pids(pid) FROM pg_stat_activity "
            "WHERE pid = %s AND wait_event_type = 'Lock'",
            [pid],
        )
        pids = {blocking for (blockers,) in cursor.fetchall() for blocking in blockers}
    if not pids:
        return []
    found = sessions_where(
        connection, "activity.pid = ANY (%(pids)s::int[])", {"pids": list(pids)}, len(pids)
    )
    if PREPARED_TRANSACTION in pids:
        found.append(Session(PREPARED_TRANSACTION, None, None, None, None, None))
    return found


def sessions_holding_locks(
    connection: BaseDatabaseWrapper,
    tables: Sequence[str] = (),
    modes: Iterable[Lock] = Lock,
    limit: int = AS_MANY_AS_PEOPLE_READ,
) -> list[Session]:
    """Return other sessions with a granted lock on one of `tables`, longest transaction first.

    Without `tables`: on any ordinary table. What a role may not see of others' sessions is None.
    """
    holds_lock = f"""
        EXISTS (
            SELECT FROM pg_locks
            JOIN pg_class ON pg_class.oid = pg_locks.relation
            WHERE pg_locks.pid = activity.pid AND pg_locks.granted
              AND pg_locks.mode = ANY (%(modes)s::text[])
              AND {IN_THIS_DATABASE}
              AND pg_class.relkind IN ('r', 'p')
              AND pg_class.relnamespace <> 'pg_catalog'::regnamespace
              AND (%(tables)s::text[] = '{{}}' OR pg_class.oid IN (
                  SELECT to_regclass(name) FROM unnest(%(tables)s::text[]) AS name
              ))
        )
    """
    params = {
        "tables": [quote(connection, table) for table in tables],
        "modes": [mode.in_pg_locks for mode in modes],
    }
    return sessions_where(connection, holds_lock, params, limit)


def sessions_holding_snapshots(
    connection: BaseDatabaseWrapper, limit: int = AS_MANY_AS_PEOPLE_READ
) -> list[Session]:
    """Return other sessions in this database with a snapshot, longest transaction first.

    Those of other roles are seen only by members of `pg_read_all_stats`.
    """
    holds_snapshot = "backend_xmin IS NOT NULL AND datname = current_database()"
    return sessions_where(connection, holds_snapshot, {}, limit)


def sessions_where(
    connection: BaseDatabaseWrapper,
    condition: str,
    params: Mapping[str, Any],
    limit: int = AS_MANY_AS_PEOPLE_READ,
) -> list[Session]:
    """Return other sessions for which an SQL condition on `activity` holds, oldest first."""
    with connection.cursor() as cursor:
        if connection.in_atomic_block:
            # Until the end of a transaction, the server shows what it has shown there before.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            f"{_SESSIONS} WHERE activity.pid <> pg_backend_pid() AND {condition} "
            "ORDER BY activity.xact_start NULLS LAST LIMIT %(limit)s",
            {**params, "limit": limit, "log_queries": conf.get("LOG_QUERIES")},
        )
        return [Session(*row) for row in cursor.fetchall()]
