"""Waiting for locks without making others wait: timeouts, retries, and who is in the way.

A statement that waits for an exclusive lock makes every later query on that table wait behind
it. So it may wait for a short time only, gives up, lets the others pass, and tries again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime import conf, signals
from zero_downtime.errors import Refused
from zero_downtime.postgres import errors
from zero_downtime.postgres.blockers import (
    Session,
    describe,
    logger,
    sessions_holding_locks,
    sessions_holding_snapshots,
)
from zero_downtime.postgres.catalog import IN_THIS_DATABASE, TABLE_AND_PARTITIONS
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.sessions import (
    in_new_sessions,
    milliseconds,
    no_time_limit,
    set_config,
)
from zero_downtime.postgres.watching import watcher_of

T = TypeVar("T")

FIRST_DELAY = 0.1
WRITERS_DELAY = 0.1


@contextmanager
def lock_timeout(connection: BaseDatabaseWrapper, seconds: float) -> Iterator[None]:
    """Let statements in this block wait at most `seconds` for each lock.

    Inside a transaction the setting is local to it, and an error takes it away with the
    transaction. Outside, the session's former value is restored whatever happens, because a
    setting that leaks would reach whoever uses the connection next. A session that replaces one
    that was lost in the block gets the setting too.
    """
    in_transaction = connection.in_atomic_block
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        (former,) = cursor.fetchone()
    timeout = _as_timeout(seconds)
    _set_lock_timeout(connection, timeout, local=in_transaction)
    set_again = partial(_set_lock_timeout, connection, timeout, local=False)
    try:
        with in_new_sessions(connection, set_again):
            yield
    except BaseException:
        if not in_transaction and connection.is_usable():
            _set_lock_timeout(connection, former, local=False)
        raise
    _set_lock_timeout(connection, former, local=in_transaction)


def renew_lock_timeout(connection: BaseDatabaseWrapper) -> None:
    """Give the session `LOCK_TIMEOUT` again, whatever has been set since."""
    timeout = _as_timeout(conf.get("LOCK_TIMEOUT"))
    _set_lock_timeout(connection, timeout, local=connection.in_atomic_block)


def _as_timeout(seconds: float) -> str:
    return f"{milliseconds(seconds)}ms"


def _set_lock_timeout(connection: BaseDatabaseWrapper, value: str, *, local: bool) -> None:
    set_config(connection, "lock_timeout", value, local=local)


def retry_lock_failures(
    connection: BaseDatabaseWrapper,
    attempt: Callable[[], T],
    locks: Mapping[str, Lock | None] | None = None,
    *,
    waits_for_snapshots: bool = False,
) -> T:
    """Call `attempt` until it gets its locks, or `LOCK_DEADLINE` has passed.

    `attempt` must leave nothing behind when it fails with a lock timeout or as a deadlock's
    victim: one transaction, or one statement outside any. After each try `lock_retried` is sent.

    Args:
        locks: the tables that are being locked, as Django names them, each with the lock that
            makes others wait while it is waited for, if that is known. No try is made while a
            transaction that has outlasted `LOCK_TIMEOUT` already holds what conflicts: it would
            fail, and clients would have waited behind it.
        waits_for_snapshots: whether any old snapshot is in the way, as for an index that is
            built concurrently.

    Raises:
        Refused: no try succeeded before the deadline; the message names the sessions in the way.
    """
    in_the_way = _InTheWay(connection, locks or {})
    subject = " or ".join(f'"{each}"' for each in in_the_way.locks) or "a table"
    started = time.monotonic()
    deadline = started + conf.get("LOCK_DEADLINE")
    for tries, delay in enumerate(_growing_delays(), start=1):
        began, failure = time.monotonic(), None
        blockers: Sequence[Session] | None = in_the_way.for_long()
        if not blockers:
            try:
                return attempt()
            except OperationalError as error:
                if not errors.is_lock_failure(error):
                    raise
                failure = error
            blockers = in_the_way.just_now(snapshots=waits_for_snapshots)
        now = time.monotonic()
        is_last = now + delay > deadline
        signals.lock_retried.send_robust(
            None,
            alias=connection.alias,
            table=next(iter(in_the_way.locks), None),
            tries=tries,
            waited=now - began + (0 if is_last else delay),
            blockers=blockers or (),
        )
        if is_last:
            raise Refused(
                f"Could not lock {subject} in {tries} tries over {now - started:.0f} s. "
                f"{_describe(blockers)} Run the same command again when those sessions have "
                f"ended{', or with --on-blocker terminate' if in_the_way.watcher else ''}."
            ) from failure
        logger.warning(
            "%s is locked by others (try %d). %s Next try in %.1f s.",
            subject,
            tries,
            _describe(blockers),
            delay,
        )
        time.sleep(delay)
    raise AssertionError("unreachable: the delays never end")


def _growing_delays() -> Iterator[float]:
    """Pauses that double up to the longest allowed; jitter keeps two from marching in step."""
    longest = conf.get("LOCK_RETRY_MAX_DELAY")
    delay = FIRST_DELAY
    while True:
        yield min(longest, delay * random.uniform(0.75, 1.25))
        delay = min(longest, delay * 2)


class _InTheWay:
    """Knows who is in the way of a try to get locks: before it, and after it has failed."""

    def __init__(self, connection: BaseDatabaseWrapper, locks: Mapping[str, Lock | None]) -> None:
        self.connection = connection
        self.locks = locks
        self.watcher = watcher_of(connection)

    def for_long(self) -> Sequence[Session]:
        """Return who would still be there at the end of a try, going by how long they have been.

        While they are waited for without a lock, what is to be done to them is done.
        """
        if self.watcher:
            self.watcher.seen = ()
        timeout = conf.get("LOCK_TIMEOUT")
        lasting = [
            each
            for wanted in dict.fromkeys(filter(None, self.locks.values()))
            for each in self._holders_against(wanted)
            # Autovacuum makes way for those that wait.
            if (each.seconds_in_transaction or 0) > timeout and not each.is_autovacuum
        ]
        if self.watcher:
            self.watcher.deal_with(self.connection, lasting)
        return lasting

    def _holders_against(self, wanted: Lock) -> Sequence[Session]:
        tables = [table for table, lock in self.locks.items() if lock == wanted]
        return sessions_holding_locks(self.connection, tables, wanted.conflicting)

    def just_now(self, *, snapshots: bool) -> Sequence[Session] | None:
        """Return whom the try waited for, or may have waited for; None if nobody can say."""
        if self.watcher and self.watcher.seen:
            return self.watcher.seen
        if self.connection.in_atomic_block and self.connection.needs_rollback:
            return None
        sessions = sessions_holding_locks(self.connection, list(self.locks))
        if snapshots:
            sessions += sessions_holding_snapshots(self.connection)
        return sessions


def _describe(sessions: Sequence[Session] | None) -> str:
    if sessions is None:
        return "Sessions in the way could not be read inside the failed transaction."
    return describe(sessions)


def somebody_waits_for_us(connection: BaseDatabaseWrapper) -> bool:
    """Whether a session waits for the end of our transaction, because it has locked a row.

    Those that bear our own application name do not count: they are busy with the same as we are.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXISTS (
                SELECT FROM pg_locks
                JOIN pg_stat_activity USING (pid)
                WHERE locktype = 'transactionid' AND NOT granted
                  AND transactionid = pg_current_xact_id_if_assigned()::xid
                  AND application_name IS DISTINCT FROM current_setting('application_name')
            )
            """
        )
        return bool(cursor.fetchone()[0])


def briefly(
    schema_editor: BaseDatabaseSchemaEditor,
    table: str,
    action: Callable[[], T],
    others: Sequence[str] = (),
    wanted: Lock | None = Lock.ACCESS_EXCLUSIVE,
) -> T:
    """Run `action` in one short transaction under `LOCK_TIMEOUT`, retried as a whole.

    For changes that touch the catalog only: whatever exclusive locks they take are held for
    milliseconds. While `sqlmigrate` collects SQL, `action` is called for its statements alone.

    Args:
        wanted: the strongest lock that `action` takes on `table` and on each of `others`; None if
            it is not known. See `retry_lock_failures`.
    """
    connection = schema_editor.connection
    if schema_editor.collect_sql:
        return action()

    def attempt() -> T:
        with (
            transaction.atomic(using=connection.alias),
            lock_timeout(connection, conf.get("LOCK_TIMEOUT")),
        ):
            return action()

    return retry_lock_failures(connection, attempt, dict.fromkeys((table, *others), wanted))


class SharedPatience:
    """What one transaction, which takes one lock after the other, may wait for all of them.

    Whoever waits for the first lock waits for us while we wait for the others, and while we
    work. So all waits may take half of `LOCK_TIMEOUT` together; and less than `deadlock_timeout`:
    of two that wait for each other the server ends the one that has waited so long first, and that
    must not be the client.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.left = min(conf.get("LOCK_TIMEOUT"), _deadlock_timeout(connection)) / 2
        # A transaction that works for long would else never get what is not free by chance.
        self.least = self.left / 10

    @contextmanager
    def spent(self) -> Iterator[None]:
        """Let the statement in this block wait for as long as is left; it takes from that."""
        self.limit()
        began = time.monotonic()
        yield
        self.left = max(self.least, self.left - (time.monotonic() - began))

    def limit(self) -> None:
        """Let each statement that follows in this transaction wait for as long as is left."""
        _set_lock_timeout(self.connection, _as_timeout(self.left), local=True)


def lock_in_turn(
    schema_editor: BaseDatabaseSchemaEditor,
    tables: Sequence[str],
    mode: Lock = Lock.ACCESS_EXCLUSIVE,
) -> None:
    """Lock tables in the given order, in the caller's transaction, which goes on to lock more.

    All of it shares one `SharedPatience`.
    """
    patience = SharedPatience(schema_editor.connection)
    for table in tables:
        statement = f"LOCK TABLE {quote(schema_editor.connection, table)} IN {mode.sql} MODE"
        with patience.spent():
            schema_editor.execute(statement, params=None)
    patience.limit()


def _deadlock_timeout(connection: BaseDatabaseWrapper) -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setting::float8 / 1000 FROM pg_settings WHERE name = 'deadlock_timeout'"
        )
        return float(cursor.fetchone()[0])


@contextmanager
def concurrent_limits(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let a CONCURRENTLY statement wait for `CONCURRENT_LOCK_TIMEOUT`, and work without a limit.

    It makes nobody wait. What a short `statement_timeout` of a role or of a database ends leaves an
    INVALID index behind, and so would the next try.
    """
    with (
        lock_timeout(connection, conf.get("CONCURRENT_LOCK_TIMEOUT")),
        no_time_limit(connection),
    ):
        yield


def patiently(schema_editor: BaseDatabaseSchemaEditor, table: str, statement: str) -> None:
    """Run a CONCURRENTLY `statement` outside any transaction under `CONCURRENT_LOCK_TIMEOUT`.

    It waits for old snapshots of any table but makes nobody wait; a short timeout would kill it
    and leave an INVALID index behind. It is not retried here: the caller has to look at what
    the failed statement left.
    """
    if schema_editor.collect_sql:
        schema_editor.execute(statement, params=None)
        return
    with concurrent_limits(schema_editor.connection):
        schema_editor.execute(statement, params=None)


def wait_for_writers(connection: BaseDatabaseWrapper, table: str) -> None:
    """Wait until every transaction that has written `table` by now has ended.

    What it inserted can be seen only then. Those that begin later are not waited for.
    Locks: none.

    Raises:
        Refused: one of them did not end within `LOCK_DEADLINE`; the message names it.
    """
    writers = _writing_transactions(connection, table)
    if not writers:
        return
    logger.warning(
        "Waiting for transactions that have written %s. %s",
        table,
        describe(sessions_holding_locks(connection, [table])),
    )
    deadline = time.monotonic() + conf.get("LOCK_DEADLINE")
    while writers := writers & _writing_transactions(connection, table):
        if time.monotonic() > deadline:
            raise Refused(
                f'A transaction that has written "{table}" does not end, and rows that it inserted '
                f"cannot be seen before. {describe(sessions_holding_locks(connection, [table]))} "
                "Run the same command again when it has ended."
            )
        time.sleep(WRITERS_DELAY)


def _writing_transactions(connection: BaseDatabaseWrapper, table: str) -> set[str]:
    """Return the ids of other sessions' transactions that may have written rows of `table`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH {TABLE_AND_PARTITIONS}
            SELECT virtualtransaction FROM pg_locks
            WHERE mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'AccessExclusiveLock')
              AND granted AND pid IS DISTINCT FROM pg_backend_pid()
              AND {IN_THIS_DATABASE}
              AND relation IN (SELECT oid FROM tables)
            """,
            {"table": quote(connection, table)},
        )
        return {transaction for (transaction,) in cursor.fetchall()}
