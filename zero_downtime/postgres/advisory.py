"""Advisory locks: taken at once or not at all, and held as long as the session lives.

Nobody waits for one *in the server*: a session that does has a snapshot while it waits, and an
index that is built concurrently by the one that has the lock waits for that snapshot.
"""

from __future__ import annotations

import hashlib

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres.blockers import Session, sessions_where


def key_of(name: str) -> int:
    """Return the number by which PostgreSQL knows the lock that we call `name`."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def try_lock(connection: BaseDatabaseWrapper, key: int) -> bool:
    """Take the lock for this session, if nobody has it in this database.

    Inside a transaction it ends with the transaction, because nobody could give it back from one
    that has failed.
    """
    in_transaction = not connection.get_autocommit()
    function = "pg_try_advisory_xact_lock" if in_transaction else "pg_try_advisory_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [key])
        return bool(cursor.fetchone()[0])


def unlock(connection: BaseDatabaseWrapper, key: int) -> None:
    """Give back what was taken outside a transaction; no harm if it was lost with the session."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_unlock(%(key)s) FROM pg_locks "
            "WHERE pid = pg_backend_pid() AND " + _IS_LOCK,
            {"key": key},
        )


def holder(connection: BaseDatabaseWrapper, key: int) -> Session | None:
    """Return the session that has the lock now."""
    condition = f"EXISTS (SELECT FROM pg_locks WHERE pg_locks.pid = activity.pid AND {_IS_LOCK})"
    sessions = sessions_where(connection, condition, {"key": key})
    return sessions[0] if sessions else None


# A lock by one 64-bit number is shown in two halves.
_IS_LOCK = """
    locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (classid::bigint << 32 | objid::bigint) = %(key)s::bigint
"""
