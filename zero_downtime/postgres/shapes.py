"""What a table looks like, as values that can be compared: columns, indexes, constraints.

Two tables of the same shape compare equal whatever their names, schemas and column numbers, so
an empty copy can stand for the real one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres.identifiers import quote


@dataclass(frozen=True)
class ColumnShape:
    """A column. Texts are as they stand in DDL; None where there is nothing to say."""

    name: str
    type: str
    collation: str | None
    not_null: bool
    default: str | None
    identity: str | None
    # `STORED` or `VIRTUAL`, with its expression in `default`.
    generated: str | None
    comment: str | None


@dataclass(frozen=True)
class IndexShape:
    """An index that belongs to no constraint. `body` is what follows USING in CREATE INDEX."""

    unique: bool
    body: str
    valid: bool = True


@dataclass(frozen=True)
class ForeignKeyTarget:
    """The other side of a foreign key. `tail` holds its actions and whether it is deferrable."""

    table: str
    columns: tuple[str, ...]
    tail: str


@dataclass(frozen=True)
class ConstraintShape:
    """A constraint other than NOT NULL, which is a property of its column.

    `type` is `pg_constraint.contype`: c, f, p, u or x. `definition` is what follows the name in
    ADD CONSTRAINT, without NOT VALID; that of a foreign key lacks its target.
    """

    type: str
    definition: str
    columns: tuple[str, ...]
    validated: bool = True
    target: ForeignKeyTarget | None = None
    # The USING part of the index of a unique constraint or primary key.
    index_body: str | None = None
    deferral: str = ""

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> ConstraintShape:
        """Return the constraint of which `asdict()` and JSON made `kept`."""
        target = kept["target"]
        if target is not None:
            target = ForeignKeyTarget(target["table"], tuple(target["columns"]), target["tail"])
        return cls(**{**kept, "columns": tuple(kept["columns"]), "target": target})


@dataclass(frozen=True)
class TableShape:
    """All of them, by name."""

    columns: Mapping[str, ColumnShape] = field(default_factory=dict)
    indexes: Mapping[str, IndexShape] = field(default_factory=dict)
    constraints: Mapping[str, ConstraintShape] = field(default_factory=dict)


def read_shape(connection: BaseDatabaseWrapper, table: str) -> TableShape:
    """Return the shape of `table`, named as Django names it; empty if there is none."""
    regclass = quote(connection, table)
    return TableShape(
        _columns(connection, regclass),
        _indexes(connection, regclass),
        _constraints(connection, regclass),
    )


def _columns(connection: BaseDatabaseWrapper, regclass: str) -> dict[str, ColumnShape]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT attname, format_type(atttypid, atttypmod),
                   CASE WHEN attcollation <> typcollation
                        THEN quote_ident(nspname) || '.' || quote_ident(collname) END,
                   attnotnull, pg_get_expr(adbin, adrelid),
                   CASE attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END,
                   CASE attgenerated WHEN 's' THEN 'STORED' WHEN 'v' THEN 'VIRTUAL' END,
                   col_description(attrelid, attnum)
            FROM pg_attribute
            JOIN pg_type ON pg_type.oid = atttypid
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
            LEFT JOIN pg_collation ON pg_collation.oid = attcollation
            LEFT JOIN pg_namespace ON pg_namespace.oid = collnamespace
            WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
            ORDER BY attnum
            """,
            [regclass],
        )
        return {row[0]: ColumnShape(*row) for row in cursor.fetchall()}


# `pg_get_indexdef` always names the table with its schema, so what follows them is the body.
_TABLE_IN_INDEX = """
    format('%%s.%%I USING ',
           CASE own_schema.oid WHEN pg_my_temp_schema() THEN 'pg_temp'
                               ELSE quote_ident(own_schema.nspname) END,
           own_table.relname)
"""
_INDEX_BODY = f"""
    substr(pg_get_indexdef(indexrelid),
           strpos(pg_get_indexdef(indexrelid), {_TABLE_IN_INDEX}) + length({_TABLE_IN_INDEX}))
"""


def _indexes(connection: BaseDatabaseWrapper, regclass: str) -> dict[str, IndexShape]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT pg_class.relname, indisunique, {_INDEX_BODY}, indisvalid
            FROM pg_index
            JOIN pg_class ON pg_class.oid = indexrelid
            JOIN pg_class AS own_table ON own_table.oid = indrelid
            JOIN pg_namespace AS own_schema ON own_schema.oid = own_table.relnamespace
            WHERE indrelid = to_regclass(%s)
              AND NOT EXISTS (
                SELECT FROM pg_constraint
                WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')
              )
            ORDER BY pg_class.relname
            """,
            [regclass],
        )
        return {name: IndexShape(*rest) for name, *rest in cursor.fetchall()}


def _action(column: str) -> str:
    return (
        f"CASE {column} WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' "
        "WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END"
    )


def _constraints(connection: BaseDatabaseWrapper, regclass: str) -> dict[str, ConstraintShape]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT conname, contype::text,
                   pg_get_constraintdef(pg_constraint.oid),
                   ARRAY (SELECT attname::text
                          FROM unnest(conkey) WITH ORDINALITY AS key (attnum, position)
                          JOIN pg_attribute USING (attnum)
                          WHERE attrelid = conrelid ORDER BY position),
                   convalidated,
                   target.relname,
                   ARRAY (SELECT attname::text
                          FROM unnest(confkey) WITH ORDINALITY AS key (attnum, position)
                          JOIN pg_attribute USING (attnum)
                          WHERE attrelid = confrelid ORDER BY position),
                   concat_ws(' ', 'ON UPDATE ' || {_action("confupdtype")},
                             'ON DELETE ' || {_action("confdeltype")}),
                   CASE WHEN indexrelid IS NOT NULL THEN {_INDEX_BODY} END,
                   concat_ws(' ', CASE WHEN condeferrable THEN 'DEFERRABLE' END,
                             CASE WHEN condeferred THEN 'INITIALLY DEFERRED' END)
            FROM pg_constraint
            JOIN pg_class AS own_table ON own_table.oid = conrelid
            JOIN pg_namespace AS own_schema ON own_schema.oid = own_table.relnamespace
            LEFT JOIN pg_class AS target ON target.oid = confrelid
            LEFT JOIN pg_index ON indexrelid = conindid AND contype IN ('p', 'u', 'x')
            WHERE conrelid = to_regclass(%s) AND contype IN ('c', 'f', 'p', 'u', 'x')
            ORDER BY conname
            """,
            [regclass],
        )
        return {row[0]: _constraint(*row[1:]) for row in cursor.fetchall()}


def _constraint(
    contype: str,
    definition: str,
    columns: list[str],
    validated: bool,
    target_table: str | None,
    target_columns: list[str],
    actions: str,
    index_body: str | None,
    deferral: str,
) -> ConstraintShape:
    definition = definition.removesuffix(" NOT VALID")
    target = None
    if target_table is not None:
        target = ForeignKeyTarget(target_table, tuple(target_columns), actions)
        definition = ""
    return ConstraintShape(
        contype, definition, tuple(columns), validated, target, index_body, deferral
    )
