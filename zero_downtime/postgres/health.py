"""How the server and its replicas are doing. Nothing here changes anything, or takes a lock.

Everything works for an ordinary role, except where a docstring says otherwise. Positions in the
write-ahead log (WAL) are whole numbers of bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres.catalog import IN_THIS_DATABASE, TABLE_AND_PARTITIONS
from zero_downtime.postgres.identifiers import quote


@dataclass(frozen=True)
class Replica:
    """Who replays our WAL: a physical replica, or a logical subscriber.

    Attributes:
        replayed: the position up to which it has; None if our role may not know.
        reported_lag: seconds, as PostgreSQL measured them when it last could; None if it could
            not.
    """

    name: str
    replayed: int | None
    reported_lag: float | None


@dataclass(frozen=True)
class Snapshot:
    """What keeps rows that died after it from being removed.

    Attributes:
        holder: in words for people.
        xid: the oldest transaction whose effects it may not see.
        seconds: its age; None if our role may not know, or nobody knows.
    """

    holder: str
    xid: str
    seconds: float | None


def flushed_wal(connection: BaseDatabaseWrapper) -> int:
    """Return the position up to which WAL is on the disk, and so may be sent to replicas."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint")
        return int(cursor.fetchone()[0])


def replicas(connection: BaseDatabaseWrapper) -> list[Replica]:
    """Return those who are connected and replay; a base backup or a WAL archive does not.

    A role that is no member of `pg_read_all_stats` (`pg_monitor` is one) sees that somebody is
    connected, but neither what for nor how far it is.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(nullif(application_name, ''), 'pid ' || pid),
                   (replay_lsn - '0/0')::bigint, extract(epoch FROM replay_lag)::float8
            FROM pg_stat_replication
            WHERE replay_lsn IS NOT NULL OR state IS NULL
            """
        )
        return [Replica(*row) for row in cursor.fetchall()]


def slot_retention(connection: BaseDatabaseWrapper) -> tuple[str, int] | None:
    """Return the replication slot that keeps most WAL from being removed, and how many bytes."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT slot_name, greatest(pg_current_wal_lsn() - restart_lsn, 0)::bigint
            FROM pg_replication_slots
            WHERE restart_lsn IS NOT NULL AND wal_status <> 'lost'
            ORDER BY restart_lsn
            LIMIT 1
            """
        )
        row = cursor.fetchone()
    return (str(row[0]), int(row[1])) if row else None


def lock_waiters(connection: BaseDatabaseWrapper, table: str, workers: str) -> int:
    """Return how many sessions wait for `table`, for a row of it, or behind one of the workers.

    Args:
        workers: how the application names of the workers begin, who do not count as waiting.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH {TABLE_AND_PARTITIONS},
            workers AS (
                SELECT pid FROM pg_stat_activity
                WHERE datname = current_database() AND starts_with(application_name, %(workers)s)
            ),
            -- Who waits for a row waits for its writer, and holds or wants the lock of a tuple.
            waiters AS MATERIALIZED (
                SELECT pid,
                       coalesce(bool_or({IN_THIS_DATABASE}
                                        AND relation IN (SELECT oid FROM tables)
                                        AND (locktype = 'tuple' OR NOT granted)), false)
                           AS for_table
                FROM pg_locks
                WHERE pid <> pg_backend_pid() AND pid NOT IN (SELECT pid FROM workers)
                GROUP BY pid
                HAVING NOT bool_and(granted)
            )
            SELECT count(*) FROM waiters
            WHERE CASE WHEN for_table THEN true
                       ELSE pg_blocking_pids(pid) && ARRAY(SELECT pid FROM workers) END
            """,
            {"table": quote(connection, table), "workers": workers},
        )
        return int(cursor.fetchone()[0])


def wraparound_vacuum(connection: BaseDatabaseWrapper, table: str) -> str | None:
    """Return the table, or the part of `table`, that is being vacuumed to prevent wraparound.

    That is: a vacuum is at work on it, and it is so old that autovacuum would have to come even
    if it were turned off. What kind of a vacuum that is, only some roles could see.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH {TABLE_AND_PARTITIONS}
            SELECT part.oid::regclass::text
            FROM pg_class AS part
            JOIN pg_locks ON relation = part.oid AND {IN_THIS_DATABASE}
                         AND mode = 'ShareUpdateExclusiveLock' AND granted
                         AND pg_locks.pid <> pg_backend_pid()
            JOIN pg_stat_progress_vacuum AS vacuum ON vacuum.pid = pg_locks.pid
            WHERE part.oid IN (
                      SELECT unnest(ARRAY[tables.oid, reltoastrelid])
                      FROM tables JOIN pg_class ON pg_class.oid = tables.oid)
              AND part.relkind <> 'p'
              AND (age(relfrozenxid) > least(
                       current_setting('autovacuum_freeze_max_age')::bigint,
                       (SELECT option_value::bigint FROM pg_options_to_table(reloptions)
                        WHERE option_name = 'autovacuum_freeze_max_age'))
                   OR mxid_age(relminmxid) > least(
                       current_setting('autovacuum_multixact_freeze_max_age')::bigint,
                       (SELECT option_value::bigint FROM pg_options_to_table(reloptions)
                        WHERE option_name = 'autovacuum_multixact_freeze_max_age')))
            LIMIT 1
            """,
            {"table": quote(connection, table)},
        )
        row = cursor.fetchone()
    return str(row[0]) if row else None


def snapshots(connection: BaseDatabaseWrapper) -> list[Snapshot]:
    """Return all that keeps dead rows of this database, except our session.

    Of sessions of other roles, only members of `pg_read_all_stats` see the ages.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT 'pid ' || pid, coalesce(backend_xmin, backend_xid)::text,
                   extract(epoch FROM clock_timestamp() - xact_start)::float8
            FROM pg_stat_activity
            -- Those of replicas belong to no database.
            WHERE (datname = current_database() OR datname IS NULL)
              AND coalesce(backend_xmin, backend_xid) IS NOT NULL
              AND pid <> pg_backend_pid()
              -- Vacuums do not stand in each other's way.
              AND pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum)
            UNION ALL
            SELECT 'prepared transaction ' || gid, transaction::text,
                   extract(epoch FROM clock_timestamp() - prepared)::float8
            FROM pg_prepared_xacts WHERE database = current_database()
            UNION ALL
            SELECT 'replication slot ' || slot_name, xmin::text, NULL
            FROM pg_replication_slots WHERE xmin IS NOT NULL
            """
        )
        return [Snapshot(*row) for row in cursor.fetchall()]
