"""Databases that live as long as one test."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import psycopg
from psycopg import errors, sql

from devtools.database_url import with_database
from tests.support.waiting import wait_for


@contextlib.contextmanager
def temporary_database(server_url: str) -> Iterator[str]:
    """Create an empty database on the server, yield its DATABASE_URL, and drop it."""
    name = f"zd_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        # template0, because nobody can be connected to it, which would make this fail.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        connection.execute(statement)
    try:
        yield with_database(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            wait_for(lambda: _drop(connection, name), f"database {name} to be dropped")


def _drop(connection: psycopg.Connection, name: str) -> bool:
    """Drop the database; False while somebody is in it who is not ours to disconnect."""
    try:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    except (errors.ObjectInUse, errors.InsufficientPrivilege):  # autovacuum is working there
        return False
    return True
