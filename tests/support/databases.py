"""Databases that live as long as one test."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import psycopg
from psycopg import errors, sql

from devtools.database_url import database_settings, with_database
from tests.support.waiting import wait_for


@contextlib.contextmanager
def temporary_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """Create a database on the server, yield its DATABASE_URL, and drop it.

    It is empty, or a copy of the database called ``template``, to which nobody may be connected.
    """
    name = f"zd_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    try:
        yield with_database(server_url, name)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            wait_for(lambda: _drop(connection, name), f"database {name} to be dropped")


@contextlib.contextmanager
def copied_database(server_url: str, original_url: str) -> Iterator[str]:
    """Create a copy of a database on the server, yield its DATABASE_URL, and drop it."""
    with temporary_database(server_url, database_settings(original_url)["NAME"]) as url:
        yield url


def empty(url: str) -> None:
    """Disconnect everybody from a database and drop all that was made in it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        schemas = connection.execute(
            "SELECT nspname FROM pg_namespace "
            "WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
        ).fetchall()
        for (schema,) in schemas:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        connection.execute("CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")


def _drop(connection: psycopg.Connection, name: str) -> bool:
    """Drop the database; False while somebody is in it who is not ours to disconnect."""
    try:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    except (errors.ObjectInUse, errors.InsufficientPrivilege):  # autovacuum is working there
        return False
    return True
