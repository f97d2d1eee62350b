"""Indexes of a column, built once more for a second column that holds the same values.

New code that looks rows up by the new name must find an index there, or every query of it reads
the whole table. What the twins look like is left to PostgreSQL: an empty temporary copy of the
table gets its column renamed, and the server prints the definitions of its indexes, expressions
and predicates included.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.postgres import identifiers
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.indexes import Definition, build_concurrently, definition_of

PROBE_TABLE = "zero_downtime_twin_probe"
PREFIX = "zero_downtime_twin_"


@dataclass(frozen=True)
class TwinIndex:
    """An index to build. `body` is what follows USING in its CREATE INDEX."""

    name: str
    unique: bool
    body: str
    definition: Definition


def twins_of(connection: BaseDatabaseWrapper, table: str, old: str, new: str) -> list[TwinIndex]:
    """Return the twins on column `new` of all indexes of `table` that involve column `old`.

    The index of an exclusion constraint has none: it cannot be built concurrently, and the
    constraint on the other column guards the same values. That of a deferrable constraint has
    one that is not unique, because an index cannot wait for the end of the transaction.
    Locks: ACCESS SHARE on the table, for a moment.
    """
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE {PROBE_TABLE} "
            f"(LIKE {quote(connection, table)} INCLUDING INDEXES INCLUDING GENERATED)"
        )
        cursor.execute(f"ALTER TABLE {PROBE_TABLE} DROP COLUMN {quote(connection, new)} CASCADE")
        cursor.execute(
            f"ALTER TABLE {PROBE_TABLE} "
            f"RENAME COLUMN {quote(connection, old)} TO {quote(connection, new)}"
        )
        cursor.execute(
            """
            SELECT indexrelid, indisunique AND indimmediate, pg_get_indexdef(indexrelid)
            FROM pg_index
            WHERE indrelid = to_regclass(%s) AND NOT indisexclusion
              AND EXISTS (
                SELECT FROM pg_depend
                JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
                LEFT JOIN pg_constraint ON conindid = indexrelid
                WHERE refobjid = indrelid AND attname = %s
                  AND objid IN (indexrelid, pg_constraint.oid)
              )
            """,
            [f"pg_temp.{PROBE_TABLE}", new],
        )
        twins = [
            _twin(connection, table, oid, unique, sql) for oid, unique, sql in cursor.fetchall()
        ]
        transaction.set_rollback(True, using=connection.alias)
    return twins


def _twin(
    connection: BaseDatabaseWrapper, table: str, oid: int, unique: bool, sql: str
) -> TwinIndex:
    body = sql.partition(f".{PROBE_TABLE} USING ")[2]
    name = f"{PREFIX}{identifiers.digest(table, body)}"
    amname, _, *rest = definition_of(connection, oid)
    return TwinIndex(name, unique, body, (amname, unique, *rest))


def build(schema_editor: BaseDatabaseSchemaEditor, table: str, twins: list[TwinIndex]) -> None:
    """Build those of `twins` that are not there yet.

    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass.
    """
    connection = schema_editor.connection
    for twin in twins:
        unique = "UNIQUE " if twin.unique else ""
        build_concurrently(
            schema_editor,
            table,
            twin.name,
            f"CREATE {unique}INDEX CONCURRENTLY {quote(connection, twin.name)} "
            f"ON {quote(connection, table)} USING {twin.body}",
            lambda twin=twin: twin.definition,  # type: ignore[misc]
        )
