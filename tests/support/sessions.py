"""Other sessions, which are in the way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg


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
        session.rollback()
