"""Everything the catalogs say about the ordinary tables of a database, to be compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

QUESTIONS = {
    "column": """
        SELECT relname, attnum, attname, format_type(atttypid, atttypmod), collname, attnotnull,
               pg_get_expr(adbin, adrelid), attidentity, attgenerated,
               col_description(attrelid, attnum)
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        LEFT JOIN pg_collation ON pg_collation.oid = attcollation
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
        ORDER BY relname, attnum
    """,
    "index": """
        SELECT pg_get_indexdef(indexrelid), indisvalid, indisready
        FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
        WHERE relnamespace = 'public'::regnamespace ORDER BY 1
    """,
    # NOT NULL constraints have names on PostgreSQL 18, which are of no interest.
    "constraint": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated,
               condeferrable, condeferred
        FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1, 2
    """,
    "sequence": """
        SELECT sequencename, data_type::text, start_value, increment_by
        FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1
    """,
    "trigger": "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal",
    "function": "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
    "AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')",
}


def read_schema(
    connection: BaseDatabaseWrapper, without: Iterable[str] = ()
) -> list[tuple[Any, ...]]:
    """Return the schema `public` as rows, each led by what it is about.

    `without` names tables to leave out.
    """
    left_out = set(without)
    rows: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for what, question in QUESTIONS.items():
            cursor.execute(question)
            rows += [(what, *row) for row in cursor.fetchall() if row[0] not in left_out]
    return rows
