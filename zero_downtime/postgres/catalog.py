"""Questions to the system catalogs about tables, columns and rows. Nothing here changes anything.

A table is named as Django names it (`Model._meta.db_table`) and found as PostgreSQL would find
it in a statement: quoted, and along the session's `search_path`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres.identifiers import quote

# Of a lock in pg_locks.
IN_THIS_DATABASE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
# To stand behind WITH: the relations `tables`, which are the table (parameter `table`, quoted) and
# all below it. pg_partition_tree() would wait for those that are locked.
TABLE_AND_PARTITIONS = """
    RECURSIVE tables AS (
        SELECT to_regclass(%(table)s)::oid AS oid
        UNION
        SELECT inhrelid FROM pg_inherits JOIN tables ON inhparent = tables.oid
    )
"""


# Those that most columns are of; enumerations are, too.
EXACT_TYPES = """
    boolean smallint integer bigint text varchar uuid bytea date time timestamp timestamptz
""".split()


@dataclass(frozen=True)
class Column:
    """A column as the catalog has it; `type` and `collation` are ready to stand in DDL.

    It is `exact` if values that its type and collation take for equal are the same: 'a' and 'A' may
    be equal, and 1.0 and 1.00 are.
    """

    name: str
    type: str
    collation: str | None
    not_null: bool
    generated: bool
    in_primary_key: bool
    exact: bool = True


def table_exists(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Whether `table` is visible under its unqualified name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [quote(connection, table)])
        return bool(cursor.fetchone()[0])


def has_tables(connection: BaseDatabaseWrapper, *, besides: Collection[str]) -> bool:
    """Whether the database has tables of other names than `besides`, in whatever schema.

    Those that extensions bring do not count.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            r"""
            SELECT EXISTS (
                SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                WHERE relkind IN ('r', 'p', 'm', 'f')
                    AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\_%%'
                    AND relname <> ALL (%s)
                    AND NOT EXISTS (
                        SELECT FROM pg_depend
                        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
                            AND deptype = 'e'
                    )
            )
            """,
            [list(besides)],
        )
        return bool(cursor.fetchone()[0])


def schema_of(connection: BaseDatabaseWrapper, table: str) -> str:
    """Return the schema in which `table` is found, or would be created."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT nspname FROM pg_class "
            "JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE pg_class.oid = to_regclass(%s)), current_schema())",
            [quote(connection, table)],
        )
        return str(cursor.fetchone()[0])


def partitions_of(connection: BaseDatabaseWrapper, table: str) -> list[str] | None:
    """Return the partitions of `table`, quoted with their schemas; None if it has none by kind."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT array_agg(format('"%%s"."%%s"', nspname, child.relname) ORDER BY child.oid)
                       FILTER (WHERE child.oid IS NOT NULL)
            FROM pg_class AS parent
            LEFT JOIN pg_inherits ON inhparent = parent.oid
            LEFT JOIN pg_class AS child ON child.oid = inhrelid
            LEFT JOIN pg_namespace ON pg_namespace.oid = child.relnamespace
            WHERE parent.oid = to_regclass(%s) AND parent.relkind = 'p'
            GROUP BY parent.oid
            """,
            [quote(connection, table)],
        )
        row = cursor.fetchone()
    return None if row is None else row[0] or []


def index_partitions(connection: BaseDatabaseWrapper, index: str) -> set[str]:
    """Return the partitions whose indexes are attached to `index`, both quoted with schemas."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT format('"%%s"."%%s"', nspname, relname)
            FROM pg_inherits
            JOIN pg_index ON indexrelid = inhrelid
            JOIN pg_class ON pg_class.oid = indrelid
            JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE inhparent = to_regclass(%s)
            """,
            [index],
        )
        return {table for (table,) in cursor.fetchall()}


def has_rows(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Whether `table` holds at least one row that this session sees."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {quote(connection, table)})")
        return bool(cursor.fetchone()[0])


def has_fewer_rows(connection: BaseDatabaseWrapper, table: str, limit: int) -> bool:
    """Whether `table` holds fewer than `limit` rows, reading no more than that many."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT FROM {quote(connection, table)} LIMIT {limit:d}) AS rows"
        )
        return int(cursor.fetchone()[0]) < limit


def estimated_rows(connection: BaseDatabaseWrapper, table: str) -> int:
    """Return the planner's guess of the number of rows of `table`, partitions included.

    The planner scales what ANALYZE saw by the file size of today, and guesses from the file
    size alone when the table was never analyzed; `pg_class.reltuples` would be -1 then.
    """
    return int(explain(connection, f"SELECT FROM {quote(connection, table)}")["Plan Rows"])


def rows_of_all_tables(connection: BaseDatabaseWrapper) -> dict[str, int]:
    """Return the number of rows of each table, as ANALYZE and VACUUM have last seen it.

    Tables of the schema "public" go by their name alone, others by schema and name. Of a table
    that was never looked at, the number is not known, and it is left out, unless it has no page.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            r"""
            SELECT CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END,
                CASE WHEN relpages = 0 AND pg_relation_size(pg_class.oid) = 0 AND relkind <> 'p'
                    THEN 0 ELSE reltuples END
            FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE relkind IN ('r', 'p', 'm')
                AND nspname NOT IN ('pg_catalog', 'information_schema')
                AND nspname NOT LIKE 'pg\_%%'
            """
        )
        return {name: int(rows) for name, rows in cursor.fetchall() if rows >= 0}


def explain(
    connection: BaseDatabaseWrapper, statement: str, params: Sequence[Any] | None = None
) -> dict[str, Any]:
    """Return the top node of the plan of `statement`, which is not run."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", params)
        plan = cursor.fetchone()[0]
    if isinstance(plan, str):
        plan = json.loads(plan)
    top: dict[str, Any] = plan[0]["Plan"]
    return top


def get_column(connection: BaseDatabaseWrapper, table: str, name: str) -> Column | None:
    """Return column `name` of `table`, or None if there is no such column or table."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT attname, format_type(atttypid, atttypmod),
                   CASE WHEN attcollation <> typcollation
                        THEN quote_ident(nspname) || '.' || quote_ident(collname) END,
                   attnotnull, attgenerated <> '',
                   EXISTS (SELECT FROM pg_index
                           WHERE indrelid = attrelid AND indisprimary AND attnum = ANY (indkey)),
                   coalesce(collisdeterministic, true)
                   AND (atttypid = ANY (%s::regtype[]) OR typtype = 'e')
            FROM pg_attribute
            JOIN pg_type ON pg_type.oid = atttypid
            LEFT JOIN pg_collation ON pg_collation.oid = attcollation
            LEFT JOIN pg_namespace ON pg_namespace.oid = collnamespace
            WHERE attrelid = to_regclass(%s) AND attname = %s
              AND attnum > 0 AND NOT attisdropped
            """,
            [EXACT_TYPES, quote(connection, table), name],
        )
        row = cursor.fetchone()
    return Column(*row) if row else None


def input_types(connection: BaseDatabaseWrapper, table: str) -> dict[str, str]:
    """Return, by column, the type to cast a text to before it is assigned to the column.

    It has no length: a cast to `varchar(5)` would cut a longer text off without a word, while the
    assignment raises. For the same reason it is the type that a domain is made of.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT attname,
                   format_type(CASE typtype WHEN 'd' THEN typbasetype ELSE atttypid END, -1)
            FROM pg_attribute
            JOIN pg_type ON pg_type.oid = atttypid
            WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
            """,
            [quote(connection, table)],
        )
        return dict(cursor.fetchall())


def uncut_type(connection: BaseDatabaseWrapper, type_: str) -> str:
    """Return the type to cast a value to before it is assigned to a column of `type_`.

    It is `type_` itself, but for texts and bits, and arrays of them: a cast to `varchar(5)` would
    cut a longer one off without a word, while the assignment to the column raises.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT CASE WHEN coalesce(element.typcategory, whole.typcategory) IN ('S', 'V')
                        THEN format_type(whole.oid, -1) ELSE %s END
            FROM pg_type AS whole
            LEFT JOIN pg_type AS element
                   ON element.oid = whole.typelem AND whole.typcategory = 'A'
            WHERE whole.oid = %s::regtype
            """,
            [type_, type_],
        )
        return str(cursor.fetchone()[0])


def primary_key(connection: BaseDatabaseWrapper, table: str) -> list[Column]:
    """Return the columns of the primary key of `table` in key order; empty without one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT attname
            FROM pg_index
            CROSS JOIN LATERAL unnest(indkey) WITH ORDINALITY AS key (attnum, position)
            JOIN pg_attribute ON attrelid = indrelid AND pg_attribute.attnum = key.attnum
            WHERE indrelid = to_regclass(%s) AND indisprimary AND position <= indnkeyatts
            ORDER BY position
            """,
            [quote(connection, table)],
        )
        names = [name for (name,) in cursor.fetchall()]
    columns = (get_column(connection, table, name) for name in names)
    return [column for column in columns if column is not None]


def built_on_column(connection: BaseDatabaseWrapper, table: str, name: str) -> list[str]:
    """Return the names of indexes and constraints that would go with column `name` of `table`.

    NOT NULL does not count: on PostgreSQL 18 it is a constraint, before that it is none.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT coalesce(conname, relname)
            FROM pg_depend
            JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
            LEFT JOIN pg_constraint
                   ON classid = 'pg_constraint'::regclass AND pg_constraint.oid = objid
            LEFT JOIN pg_class ON classid = 'pg_class'::regclass
                  AND pg_class.oid = objid AND relkind IN ('i', 'I')
            WHERE refclassid = 'pg_class'::regclass
              AND refobjid = to_regclass(%s) AND attname = %s
              AND coalesce(contype, 'i') <> 'n' AND coalesce(conname, relname) IS NOT NULL
              AND coalesce(conrelid, refobjid) = refobjid
            ORDER BY 1
            """,
            [quote(connection, table), name],
        )
        return [found for (found,) in cursor.fetchall()]


def dependents_of_column(
    connection: BaseDatabaseWrapper, table: str, name: str, *, replaced: bool = False
) -> list[str]:
    """Describe what keeps column `name` of `table` from being dropped: views, generated columns.

    Indexes and constraints of the table go with the column. Triggers of ours are left out.

    Args:
        replaced: whether to describe instead what cannot go over to another column that takes its
            place: statistics as well, but neither the sequence nor foreign keys that point at it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT coalesce(
                'view ' || (SELECT ev_class::regclass FROM pg_rewrite
                            WHERE classid = 'pg_rewrite'::regclass AND oid = objid),
                pg_describe_object(classid, objid, objsubid))
            FROM pg_depend
            JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
            WHERE refclassid = 'pg_class'::regclass AND refobjid = to_regclass(%s)
              AND attname = %s AND (deptype = 'n' OR %s)
              AND NOT EXISTS (
                SELECT FROM pg_constraint
                WHERE classid = 'pg_constraint'::regclass AND oid = objid
                  AND (conrelid = refobjid OR (%s AND contype = 'f'))
              )
              AND NOT EXISTS (
                SELECT FROM pg_sequence
                WHERE %s AND classid = 'pg_class'::regclass AND seqrelid = objid
              )
              AND NOT EXISTS (
                SELECT FROM pg_index
                WHERE classid = 'pg_class'::regclass AND indexrelid = objid
              )
              AND NOT EXISTS (
                SELECT FROM pg_attrdef
                WHERE classid = 'pg_attrdef'::regclass AND oid = objid
                  AND adrelid = attrelid AND adnum = attnum
              )
              AND NOT EXISTS (
                SELECT FROM pg_trigger
                WHERE classid = 'pg_trigger'::regclass AND oid = objid
                  AND starts_with(tgname, 'zzz_zero_downtime_')
              )
            ORDER BY 1
            """,
            [quote(connection, table), name, *[replaced] * 3],
        )
        return [found for (found,) in cursor.fetchall()]


def not_null_constraint(connection: BaseDatabaseWrapper, table: str, name: str) -> str | None:
    """Return the name of the constraint that forbids NULL; None if it has none, as before 18."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conname FROM pg_constraint
            JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
            WHERE conrelid = to_regclass(%s) AND attname = %s AND contype = 'n'
            """,
            [quote(connection, table), name],
        )
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def references_to_column(
    connection: BaseDatabaseWrapper, table: str, name: str
) -> list[tuple[str, str, str]]:
    """Return the foreign keys that point at a column: table and column, as in SQL, and name."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conrelid::regclass::text, referencing.attname, conname
            FROM pg_constraint
            JOIN pg_attribute AS target
                 ON target.attrelid = confrelid AND target.attnum = ANY (confkey)
            JOIN pg_attribute AS referencing
                 ON referencing.attrelid = conrelid
                AND referencing.attnum = conkey[array_position(confkey, target.attnum)]
            WHERE confrelid = to_regclass(%s) AND target.attname = %s AND contype = 'f'
              AND conparentid = 0
            ORDER BY 1, 2, 3
            """,
            [quote(connection, table), name],
        )
        return list(cursor.fetchall())


def marks_of_column(connection: BaseDatabaseWrapper, table: str, name: str) -> list[str]:
    """Describe privileges on a column alone, and a replica identity by an index on it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT 'privileges on the column' FROM pg_attribute
            WHERE attrelid = to_regclass(%s) AND attname = %s AND attacl IS NOT NULL
            UNION ALL
            SELECT format('index %%s as replica identity', relname) FROM pg_index
            JOIN pg_class ON pg_class.oid = indexrelid
            JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
            WHERE indrelid = to_regclass(%s) AND attname = %s AND indisreplident
            """,
            [quote(connection, table), name] * 2,
        )
        return [found for (found,) in cursor.fetchall()]
