"""This session, and others like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg.pq import TransactionStatus

LONGEST_MILLISECONDS = 2**31 - 1


def backend_pid(connection: BaseDatabaseWrapper) -> int:
    """Return the process id by which the server knows this session.

    It is asked, because a proxy before it has told a number of its own.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


@contextmanager
def in_new_sessions(
    connection: BaseDatabaseWrapper, prepare: Callable[[], object]
) -> Iterator[None]:
    """Call `prepare` in each session that replaces one that `connection` has lost in the block."""

    def receive(**signal: object) -> None:
        if signal["connection"] is connection:
            prepare()

    connection_created.connect(receive)
    try:
        yield
    finally:
        connection_created.disconnect(receive)


@contextmanager
def application_name(connection: BaseDatabaseWrapper, name: str) -> Iterator[None]:
    """Let this session be known as `name` in `pg_stat_activity` while in the block.

    The name goes with the session, so nobody has to clean up after a killed process. A session
    that replaces one that was lost in the block gets it too.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('application_name')")
        (former,) = cursor.fetchone()
    give_name = partial(set_config, connection, "application_name", name, local=False)
    give_name()
    try:
        with in_new_sessions(connection, give_name):
            yield
    finally:
        if connection.is_usable():
            set_config(connection, "application_name", former, local=False)


def is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether a transaction is open: one of Django's, or one that SQL has begun."""
    session = connection.connection
    return connection.in_atomic_block or (
        session is not None and session.info.transaction_status != TransactionStatus.IDLE
    )


def count_by_application(connection: BaseDatabaseWrapper, name: str) -> int:
    """Return how many sessions in this database are known as `name`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = %s",
            [name],
        )
        return int(cursor.fetchone()[0])


@contextmanager
def local_limits(connection: BaseDatabaseWrapper, limits: Mapping[str, float]) -> Iterator[None]:
    """Set timeouts, in seconds, in the transaction that is open; they end with the block.

    One that is stricter already stays, and so does what the block sets itself for later. An error
    takes them away with the transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT name, setting, least(nullif(setting::int, 0), wanted)::text AS ours,
                   set_config(name, least(nullif(setting::int, 0), wanted)::text, true)
            FROM unnest(%s::text[], %s::int[]) AS limits (limited, wanted)
            JOIN pg_settings ON name = limited
            """,
            [list(limits), [milliseconds(each) for each in limits.values()]],
        )
        changed = [row[:3] for row in cursor.fetchall()]
    yield
    with connection.cursor() as cursor:
        cursor.executemany(
            "SELECT set_config(name, %s, true) FROM pg_settings WHERE name = %s AND setting = %s",
            [(former, name, ours) for name, former, ours in changed],
        )


@contextmanager
def local_settings(connection: BaseDatabaseWrapper, settings: Mapping[str, str]) -> Iterator[None]:
    """Set settings for the block, in the transaction that is open, or in one for the block.

    An error takes them away together with the transaction, or the savepoint.
    """
    is_open = is_in_transaction(connection)
    with nullcontext() if is_open else transaction.atomic(using=connection.alias):
        former = _exchange(connection, settings)
        yield
        _exchange(connection, former)


def _exchange(connection: BaseDatabaseWrapper, settings: Mapping[str, str]) -> dict[str, str]:
    """Set settings in the transaction that is open, and return what they were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, current_setting(name), set_config(name, wanted, true) "
            "FROM unnest(%s::text[], %s::text[]) AS settings (name, wanted)",
            [list(settings), list(settings.values())],
        )
        return {name: former for name, former, _ in cursor.fetchall()}


@contextmanager
def no_time_limit(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let statements outside transactions take as long as they take while in the block."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting, set_config(name, '0', false) FROM pg_settings "
            "WHERE name IN ('statement_timeout', 'transaction_timeout') AND setting <> '0'"
        )
        former = [(name, setting) for name, setting, _ in cursor.fetchall()]
    try:
        yield
    finally:
        if former and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.executemany("SELECT set_config(%s, %s, false)", former)


def set_config(connection: BaseDatabaseWrapper, name: str, value: str, *, local: bool) -> None:
    """Set a setting: `local` to the transaction that is open, or for the session."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, %s)", [name, value, local])


def milliseconds(seconds: float) -> int:
    """Return a timeout as PostgreSQL takes it: at least 1, because 0 means none."""
    return min(max(1, round(seconds * 1000)), LONGEST_MILLISECONDS)


def never_end_when_idle(connection: BaseDatabaseWrapper) -> None:
    """Let the transaction that is open be idle for as long as it likes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(name, '0', true) FROM pg_settings "
            "WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"
        )
