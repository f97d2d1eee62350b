"""Roles that own nothing and may do nothing."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql


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
