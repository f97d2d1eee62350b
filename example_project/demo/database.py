"""The database that the demo has to itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from psycopg import sql

from devtools.database_url import with_database
from devtools.embedded_postgres import EmbeddedPostgres

TRIES_TO_DROP = 20
SECONDS_BETWEEN_TRIES = 0.5


@contextmanager
def own_database() -> Iterator[str]:
    """Yield the URL of an empty database, and take it away afterwards.

    It is on the server that DATABASE_URL names, or else on an embedded one that lives as long.
    """
    if not (url := os.environ.get("DATABASE_URL")):
        with EmbeddedPostgres() as server:
            yield server.url
        return
    # Two demos may run on one server.
    name = f"zero_downtime_demo_{os.getpid()}"
    _execute(url, "CREATE DATABASE {}", name)
    try:
        yield with_database(url, name)
    finally:
        _drop(url, name)


def _drop(url: str, name: str) -> None:
    """Drop database `name`, as soon as the last session (autovacuum, say) has left it."""
    for _ in range(TRIES_TO_DROP):
        try:
            return _execute(url, "DROP DATABASE {}", name)
        except psycopg.errors.ObjectInUse:
            time.sleep(SECONDS_BETWEEN_TRIES)
    _execute(url, "DROP DATABASE {}", name)


def _execute(url: str, statement: LiteralString, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
