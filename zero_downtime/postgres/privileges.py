"""What the role of this session may do. Nothing here changes anything, or takes a lock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres.identifiers import quote

OWNER = "OWNER"
"""Stands among the privileges on a table for being a member of the role that owns it."""
ON_TABLES = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
ON_COLUMNS = ["SELECT", "INSERT", "UPDATE", "REFERENCES"]
"""Those that may be granted on some columns of a table alone."""
ADMINISTRATORS_OF_PROVIDERS = [
    "rds_superuser",
    "cloudsqlsuperuser",
    "alloydbsuperuser",
    "azure_pg_admin",
    "neon_superuser",
    "supabase_admin",
    "tsdbadmin",
]
"""Roles of servers that are somebody else's, which have their own ways to create extensions."""


@dataclass(frozen=True)
class Table:
    """A table that exists, and what we may do with it."""

    schema: str
    owner: str
    may: frozenset[str]


@dataclass(frozen=True)
class Session:
    """Who we are, and what we may do in the database and in some of its schemas.

    Attributes:
        schema: where a table without a schema is created; None if no such schema is to be seen.
        closed_schemas: those of the schemas in question in which nothing may be created.
    """

    role: str
    database: str
    schema: str | None
    may_make_temporary: bool
    closed_schemas: frozenset[str]


def of_tables(connection: BaseDatabaseWrapper, tables: Collection[str]) -> dict[str, Table]:
    """Return what we may do with those of `tables` that exist, in one query.

    Tables are named as Django names them, and found along the `search_path`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT named.name, nspname, pg_get_userbyid(relowner),
                   ARRAY(SELECT 'OWNER' WHERE pg_has_role(relowner, 'USAGE')
                         UNION ALL
                         SELECT kind FROM unnest(%s::text[]) AS kind
                         WHERE has_table_privilege(pg_class.oid, kind)
                         UNION ALL
                         SELECT kind FROM unnest(%s::text[]) AS kind
                         WHERE has_any_column_privilege(pg_class.oid, kind))
            FROM unnest(%s::text[], %s::text[]) AS named (name, quoted)
            CROSS JOIN LATERAL parse_ident(quoted) AS parts
            JOIN pg_class ON relname = parts[cardinality(parts)]
            JOIN pg_namespace ON pg_namespace.oid = relnamespace
            -- to_regclass() would raise for a schema that we may not use.
            WHERE CASE cardinality(parts)
                  WHEN 1 THEN pg_table_is_visible(pg_class.oid) ELSE nspname = parts[1] END
            """,
            [ON_TABLES, ON_COLUMNS, [*tables], [quote(connection, each) for each in tables]],
        )
        return {name: Table(schema, owner, frozenset(may)) for name, schema, owner, may in cursor}


def of_session(connection: BaseDatabaseWrapper, schemas: Collection[str]) -> Session:
    """Return who we are, and in which of `schemas`, or the current one, we may not create."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT current_user, current_database(), current_schema(),
                   has_database_privilege(current_database(), 'TEMPORARY'),
                   ARRAY(SELECT nspname::text FROM pg_namespace
                         WHERE (nspname = ANY (%(schemas)s) OR nspname = current_schema())
                           AND NOT (has_schema_privilege(oid, 'USAGE')
                                    AND has_schema_privilege(oid, 'CREATE')))
            """,
            {"schemas": [*schemas]},
        )
        role, database, schema, may_make_temporary, closed = cursor.fetchone()
    return Session(role, database, schema, may_make_temporary, frozenset(closed))


def forbidden_extensions(
    connection: BaseDatabaseWrapper, extensions: Collection[str]
) -> dict[str, bool]:
    """Return those of `extensions` that are not there and that we may not create.

    By name, whether it is trusted, so that CREATE on the database would be enough. Where the
    server is of a provider that has other ways than a superuser's, nothing is said of the others.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT name, trusted
            FROM pg_available_extensions
            JOIN pg_available_extension_versions USING (name)
            WHERE name = ANY (%s) AND version = default_version
              AND installed_version IS NULL AND superuser
              AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
              AND CASE WHEN trusted
                       THEN NOT has_database_privilege(current_database(), 'CREATE')
                       ELSE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ANY (%s)) END
            """,
            [[*extensions], ADMINISTRATORS_OF_PROVIDERS],
        )
        return dict(cursor.fetchall())
