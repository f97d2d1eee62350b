"""ADD COLUMN."""

from __future__ import annotations

from postgast import pg_query_pb2 as pg
from postgast.pg_query_pb2 import ColumnDef, Constraint, TypeName

from zero_downtime.postgres.parsing.names import SERIALS, strings, table_name, type_name
from zero_downtime.postgres.parsing.trees import has_volatile_call, is_null
from zero_downtime.postgres.statements import AddColumn, Default

_STORED, _VIRTUAL = "s", "v"


def add_column(table: str, column: ColumnDef, if_not_exists: bool) -> AddColumn:
    parts = {node.constraint.contype: node.constraint for node in column.constraints}
    generated = parts.get(pg.CONSTR_GENERATED)
    virtual = generated is not None and generated.generated_kind == _VIRTUAL
    not_null = bool({pg.CONSTR_NOTNULL, pg.CONSTR_PRIMARY} & set(parts))
    enforced = pg.CONSTR_ATTR_NOT_ENFORCED not in parts
    return AddColumn(
        table,
        column.colname,
        type=type_name(column.type_name),
        # What is computed when it is read is never missing, but is looked at.
        not_null=(not_null or _brings_numbers(column.type_name, parts)) and not virtual,
        default=_default(column.type_name, parts),
        written=_written(parts),
        check=(pg.CONSTR_CHECK in parts and enforced) or (virtual and not_null),
        references=_target(parts.get(pg.CONSTR_FOREIGN)),
        unique=bool({pg.CONSTR_UNIQUE, pg.CONSTR_PRIMARY} & set(parts)),
        if_not_exists=if_not_exists,
    )


def _brings_numbers(type_: TypeName, parts: dict[int, Constraint]) -> bool:
    return _is_serial(type_) or pg.CONSTR_IDENTITY in parts


def _is_serial(type_: TypeName) -> bool:
    return strings(type_.names)[-1] in SERIALS


def _default(type_: TypeName, parts: dict[int, Constraint]) -> Default:
    if _is_serial(type_):
        return Default.VOLATILE
    default = parts.get(pg.CONSTR_DEFAULT)
    if default is None or is_null(default.raw_expr):
        return Default.NONE
    return Default.VOLATILE if has_volatile_call(default.raw_expr) else Default.CONSTANT


def _written(parts: dict[int, Constraint]) -> str:
    if pg.CONSTR_IDENTITY in parts:
        return "identity"
    generated = parts.get(pg.CONSTR_GENERATED)
    if generated is not None and generated.generated_kind == _STORED:
        return "stored generated"
    return ""


def _target(foreign_key: Constraint | None) -> str:
    return table_name(foreign_key.pktable) if foreign_key is not None else ""
