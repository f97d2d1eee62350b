"""Roles that are not superusers."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql
from psycopg.conninfo import make_conninfo


@contextlib.contextmanager
def ordinary_role(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> Iterator[str]:
    """Let `connection` be a role without any rights; yield its name."""
    role = sql.Identifier(f"zd_{uuid.uuid4().hex[:12]}")
    pg.execute(sql.SQL("CREATE ROLE {}").format(role))
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {role.as_string(None)}")
        yield role.as_string(None)
    finally:
        connection.close()
        pg.execute(sql.SQL("DROP ROLE {}").format(role))


@contextlib.contextmanager
def client_role(database_url: str, pg: psycopg.Connection) -> Iterator[str]:
    """Yield a DATABASE_URL for a role that may read and write all tables, and no more."""
    name, password = f"zd_{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    role = sql.Identifier(name)
    pg.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
    pg.execute(sql.SQL("GRANT pg_read_all_data, pg_write_all_data TO {}").format(role))
    try:
        yield make_conninfo(database_url, user=name, password=password)
    finally:
        pg.execute(sql.SQL("DROP ROLE {}").format(role))
