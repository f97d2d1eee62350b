"""Indexes of a column, built once more for a second column that holds the same values.

New code that looks rows up by the new name must find an index there, or every query of it reads
the whole table. What the twins look like is left to PostgreSQL: an empty temporary copy of the
table gets its column renamed, and the server prints the definitions of its indexes, expressions
and predicates included.
"""

from __future__ import annotations

from dataclasses import replace

from django.db import IntegrityError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.postgres import identifiers
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.indexes import build_concurrently, drop_concurrently
from zero_downtime.postgres.shapes import IndexShape, read_shape

PROBE_TABLE = "zero_downtime_twin_probe"
PREFIX = "zero_downtime_twin_"


def twins_of(
    connection: BaseDatabaseWrapper, table: str, old: str, new: str
) -> dict[str, IndexShape]:
    """Return the twins on column `new` of all indexes of `table` that involve `old`, by name.

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
        cursor.execute(
            f"ALTER TABLE {PROBE_TABLE} DROP COLUMN IF EXISTS {quote(connection, new)} CASCADE"
        )
        cursor.execute(
            f"ALTER TABLE {PROBE_TABLE} "
            f"RENAME COLUMN {quote(connection, old)} TO {quote(connection, new)}"
        )
        cursor.execute(
            """
            SELECT indisunique AND indimmediate, pg_get_indexdef(indexrelid)
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
        twins = {}
        for unique, sql in cursor.fetchall():
            body = sql.partition(f".{PROBE_TABLE} USING ")[2]
            twins[f"{PREFIX}{identifiers.digest(table, body)}"] = IndexShape(unique, body)
        transaction.set_rollback(True, using=connection.alias)
    return twins


def build(
    schema_editor: BaseDatabaseSchemaEditor, table: str, twins: dict[str, IndexShape]
) -> None:
    """Build those of `twins` that are not there yet.

    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass.
    """
    there = read_shape(schema_editor.connection, table).indexes
    for name, twin in twins.items():
        if name in there and there[name].body != twin.body:
            # A twin of two renamed columns, one of which has got its old name back since.
            drop_concurrently(schema_editor, table, name)
        try:
            build_concurrently(schema_editor, table, name, twin)
        except IntegrityError:
            # The new column is NULL in every row as yet, and this index takes NULLs for equal.
            # The original guards the same values, so here it only has to find them.
            build_concurrently(schema_editor, table, name, replace(twin, unique=False))
