"""ALTER TABLE ... ADD CONSTRAINT."""

from __future__ import annotations

from collections.abc import Callable

from postgast import pg_query_pb2 as pg
from postgast.pg_query_pb2 import Constraint

from zero_downtime.postgres.parsing.names import strings, table_name
from zero_downtime.postgres.parsing.trees import columns_in, not_null_column
from zero_downtime.postgres.statements import (
    AddCheck,
    AddExclusion,
    AddForeignKey,
    AddUnique,
    SetNotNull,
    Statement,
)


def add_constraint(table: str, constraint: Constraint) -> Statement:
    return _KINDS[constraint.contype](table, constraint)


def _looks_at_rows(constraint: Constraint) -> bool:
    return constraint.is_enforced and not constraint.skip_validation


def _check(table: str, constraint: Constraint) -> Statement:
    return AddCheck(
        table,
        constraint.conname,
        columns_in(constraint.raw_expr),
        valid=_looks_at_rows(constraint),
        proves_not_null=not_null_column(constraint.raw_expr),
    )


def _not_null(table: str, constraint: Constraint) -> Statement:
    (column,) = strings(constraint.keys)
    if not constraint.skip_validation:
        return SetNotNull(table, column)
    return AddCheck(table, constraint.conname, (column,), valid=False, proves_not_null=column)


def _unique(table: str, constraint: Constraint) -> Statement:
    return AddUnique(
        table,
        constraint.conname,
        strings(constraint.keys),
        using_index=bool(constraint.indexname),
        primary_key=constraint.contype == pg.CONSTR_PRIMARY,
    )


def _exclusion(table: str, constraint: Constraint) -> Statement:
    return AddExclusion(table, constraint.conname)


def _foreign_key(table: str, constraint: Constraint) -> Statement:
    return AddForeignKey(
        table,
        constraint.conname,
        strings(constraint.fk_attrs),
        target=table_name(constraint.pktable),
        valid=_looks_at_rows(constraint),
    )


_KINDS: dict[int, Callable[[str, Constraint], Statement]] = {
    pg.CONSTR_CHECK: _check,
    pg.CONSTR_NOTNULL: _not_null,
    pg.CONSTR_UNIQUE: _unique,
    pg.CONSTR_PRIMARY: _unique,
    pg.CONSTR_EXCLUSION: _exclusion,
    pg.CONSTR_FOREIGN: _foreign_key,
}
