"""Names of tables, columns and types in a parse tree, as the rest of the package writes them."""

from __future__ import annotations

from collections.abc import Iterable

from postgast.pg_query_pb2 import Node, RangeVar, TypeName

# What PostgreSQL's grammar calls a type, where that is not what Django's fields call it.
_TYPES = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "bpchar": "char",
    "decimal": "numeric",
    "timestamptz": "timestamp with time zone",
    "timetz": "time with time zone",
}
SERIALS = {
    "smallserial": "smallint",
    "serial2": "smallint",
    "serial": "integer",
    "serial4": "integer",
    "bigserial": "bigint",
    "serial8": "bigint",
}
_WITH_TIME_ZONE = " with time zone"


def table_name(relation: RangeVar) -> str:
    return qualified(relation.schemaname, relation.relname)


def qualified(schema: str, name: str) -> str:
    """Return the name as people say it: without a schema if that is `public`."""
    return name if schema in ("", "public") else f"{schema}.{name}"


def strings(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(node.string.sval for node in nodes)


def dotted(parts: Iterable[str]) -> str:
    """Join `[database, ][schema, ]name`."""
    *prefixes, name = parts
    return qualified(prefixes[-1] if prefixes else "", name)


def type_name(type_: TypeName) -> str:
    """Return the type with its limits, like `varchar(20)`, `numeric(10, 2)` or `integer[]`."""
    *schemas, name = strings(type_.names)
    if schemas and schemas[-1] != "pg_catalog":
        base = qualified(schemas[-1], name)
    else:
        base = SERIALS.get(name) or _TYPES.get(name, name)
    return _with_limits(base, _limits(type_, name)) + "[]" * bool(type_.array_bounds)


def _with_limits(base: str, limits: str) -> str:
    if limits and base.endswith(_WITH_TIME_ZONE):
        return f"{base.removesuffix(_WITH_TIME_ZONE)}{limits}{_WITH_TIME_ZONE}"
    return base + limits


def _limits(type_: TypeName, name: str) -> str:
    limits = [_limit(node) for node in type_.typmods]
    if name == "interval":
        # The first one tells the fields, as in `interval day to second(3)`.
        limits = limits[1:]
    return f"({', '.join(limits)})" if limits else ""


def _limit(node: Node) -> str:
    """Return a number, or a word like the first one of `geometry(point, 4326)`."""
    if node.HasField("column_ref"):
        return strings(node.column_ref.fields)[-1]
    return str(node.a_const.ival.ival)
