"""Looking around in a parse tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message
from postgast import find_nodes, unwrap_node
from postgast.pg_query_pb2 import (
    IS_NOT_NULL,
    ColumnRef,
    DefElem,
    FuncCall,
    Node,
)

from zero_downtime.postgres.functions import is_volatile
from zero_downtime.postgres.parsing.names import strings


def descendants(tree: Message, closed: tuple[type[Any], ...] = ()) -> Iterator[Any]:
    """Yield all that is below `tree`, but not what is inside of a `closed` node."""
    for field, value in tree.ListFields():
        if field.message_type is None:
            continue  # a number, a text
        for child in [value] if isinstance(value, Message) else value:
            node = unwrap_node(child)
            yield node
            if not isinstance(node, closed):
                yield from descendants(node, closed)


def column_path(column: ColumnRef) -> tuple[str, str]:
    """Return (what it is qualified with or "", its name or "*")."""
    path = ["*" if node.HasField("a_star") else node.string.sval for node in column.fields]
    return (path[-2] if len(path) > 1 else ""), path[-1]


def columns_in(tree: Message) -> tuple[str, ...]:
    """Return the names of the columns that an expression mentions, each once."""
    return tuple(dict.fromkeys(column_path(each)[1] for each in find_nodes(tree, ColumnRef)))


def function_path(call: FuncCall) -> tuple[str, str]:
    """Return (schema or "", name)."""
    *schemas, name = strings(call.funcname)
    return (schemas[-1] if schemas else ""), name


def has_volatile_call(expression: Node) -> bool:
    return any(is_volatile(*function_path(call)) for call in find_nodes(expression, FuncCall))


def without_casts(expression: Node) -> Node:
    while expression.HasField("type_cast"):
        expression = expression.type_cast.arg
    return expression


def is_null(expression: Node) -> bool:
    return bool(without_casts(expression).a_const.isnull)


def not_null_column(expression: Node) -> str:
    """Return `column` of the expression `column IS NOT NULL`; "" of any other one."""
    test = expression.null_test
    if test.nulltesttype != IS_NOT_NULL or not test.arg.HasField("column_ref"):
        return ""
    return column_path(test.arg.column_ref)[1]


def has_option(options: Any, name: str) -> bool:
    """Tell whether a list like that of `VACUUM (FULL, ANALYZE)` turns the option on."""
    for node in options:
        option: DefElem = node.def_elem
        if option.defname.lower() == name:
            return _is_on(option.arg)
    return False


def _is_on(value: Node) -> bool:
    if value.HasField("integer"):
        return bool(value.integer.ival)
    return value.string.sval.lower() not in ("false", "off", "0")
