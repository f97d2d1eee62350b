"""Other sessions, which are in the way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg

from tests.support.waiting import wait_until_blocked


@contextlib.contextmanager
def holding(
    database_url: str, *statements: str, application_name: str = "holder"
) -> Iterator[psycopg.Connection]:
    """Run ``statements`` in a transaction of another session that stays open.

    It lasts until the block ends, or until the test calls ``rollback()`` on what this yields.
    """
    with psycopg.connect(database_url, application_name=application_name) as session:
        for statement in statements:
            session.execute(statement.encode())
        yield session
        if not session.closed:  # by those that it was in the way of
            session.rollback()


@contextlib.contextmanager
def running(
    database_url: str, *statements: str, application_name: str = ""
) -> Iterator[psycopg.Connection]:
    """Run the last of ``statements`` in another session without waiting for its end.

    It is cancelled when the block ends.
    """
    with psycopg.connect(
        database_url, application_name=application_name, autocommit=True
    ) as session:
        for statement in statements[:-1]:
            session.execute(statement.encode())
        session.pgconn.send_query(statements[-1].encode())
        try:
            yield session
        finally:
            session.cancel()
            while session.pgconn.get_result() is not None:
                pass


@contextlib.contextmanager
def waiting(
    observer: psycopg.Connection, database_url: str, statement: str, application_name: str = ""
) -> Iterator[psycopg.Connection]:
    """Run ``statement`` in another session, where it waits for a lock until the block ends."""
    with running(database_url, statement, application_name=application_name) as session:
        wait_until_blocked(observer, session.info.backend_pid)
        yield session
