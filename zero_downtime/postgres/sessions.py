"""This session, and others like it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def application_name(connection: BaseDatabaseWrapper, name: str) -> Iterator[None]:
    """Let this session be known as `name` in `pg_stat_activity` while in the block.

    The name goes with the session, so nobody has to clean up after a killed process.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('application_name')")
        (former,) = cursor.fetchone()
        _set_application_name(connection, name)
    try:
        yield
    finally:
        if connection.is_usable():
            _set_application_name(connection, former)


def _set_application_name(connection: BaseDatabaseWrapper, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', %s, false)", [name])


def count_by_application(connection: BaseDatabaseWrapper, name: str) -> int:
    """Return how many sessions in this database are known as `name`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = %s",
            [name],
        )
        return int(cursor.fetchone()[0])
