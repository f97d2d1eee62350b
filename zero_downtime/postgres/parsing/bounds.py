"""Which queries are known to concern few rows, however large the tables are."""

from __future__ import annotations

from google.protobuf.message import Message
from postgast import find_nodes
from postgast import pg_query_pb2 as pg
from postgast.pg_query_pb2 import ColumnRef, FuncCall, Node, RangeVar, SelectStmt

from zero_downtime.postgres.parsing.trees import column_path, function_path

KEYS = ("id", "pk", "ctid")
"""What is taken for a key: at most one row has a value of it."""

FEW = 10_000
"""Rows; as many as a batch of a careful migration has."""


class Bounds:
    """Tells how much the parts of a statement concern.

    The names of CTEs and subqueries that yield few rows are taken together for the whole of it.
    """

    def __init__(self, whole: Message) -> None:
        self._few: set[str] = set()
        for cte in find_nodes(whole, pg.CommonTableExpr):
            if cte.ctequery.HasField("select_stmt") and self.few_rows(cte.ctequery.select_stmt):
                self._few.add(cte.ctename)
        for subquery in find_nodes(whole, pg.RangeSubselect):
            if self.few_rows(subquery.subquery.select_stmt):
                self._few.add(subquery.alias.aliasname)
        for table in find_nodes(whole, RangeVar):
            if table.relname in self._few and table.HasField("alias"):
                self._few.add(table.alias.aliasname)

    def few_rows(self, select: SelectStmt) -> bool:
        """Tell whether the query yields, and looks at, few rows."""
        if select.op not in (pg.SETOP_NONE, pg.SET_OPERATION_UNDEFINED):
            return self.few_rows(select.larg) and self.few_rows(select.rarg)
        if select.values_lists or self._is_small(select.limit_count):
            return True
        return all(self._yields_few(source, select) for source in select.from_clause)

    def by_index(self, select: SelectStmt) -> bool:
        """Tell whether only the largest or smallest key is looked for, which an index tells."""
        aggregates = {function_path(call)[1] for call in find_nodes(select, FuncCall)}
        return (
            bool(aggregates & {"min", "max"})
            and not select.HasField("where_clause")
            and not select.group_clause
            and all(column_path(each)[1] in KEYS for each in find_nodes(select, ColumnRef))
        )

    def pins(self, condition: Node, table: RangeVar) -> bool:
        """Tell whether the condition says by key which rows of the table it concerns."""
        if condition.HasField("bool_expr"):
            parts = [self.pins(part, table) for part in condition.bool_expr.args]
            if condition.bool_expr.boolop == pg.AND_EXPR:
                return any(parts)
            return condition.bool_expr.boolop == pg.OR_EXPR and all(parts)
        if condition.HasField("a_expr"):
            return self._compares_key(condition.a_expr, table)
        if condition.HasField("sub_link"):
            link = condition.sub_link
            return (
                link.sub_link_type == pg.ANY_SUBLINK
                and _is_key(link.testexpr, table)
                and self.few_rows(link.subselect.select_stmt)
            )
        return bool(condition.HasField("current_of_expr"))

    def _compares_key(self, comparison: pg.A_Expr, table: RangeVar) -> bool:
        left, right = comparison.lexpr, comparison.rexpr
        if [node.string.sval for node in comparison.name] != ["="]:
            return False
        if comparison.kind in (pg.AEXPR_IN, pg.AEXPR_OP_ANY):
            return _is_key(left, table) and self._is_given(right)
        return comparison.kind == pg.AEXPR_OP and (
            (_is_key(left, table) and self._is_given(right))
            or (_is_key(right, table) and self._is_given(left))
        )

    def _yields_few(self, source: Node, select: SelectStmt) -> bool:
        if source.HasField("range_var"):
            return source.range_var.relname in self._few or self.pins(
                select.where_clause, source.range_var
            )
        if source.HasField("range_subselect"):
            return self.few_rows(source.range_subselect.subquery.select_stmt)
        if source.HasField("join_expr"):
            join = source.join_expr
            return self._yields_few(join.larg, select) and self._yields_few(join.rarg, select)
        return True

    def _is_given(self, value: Node) -> bool:
        """Tell whether there are few values: constants, or those of few rows."""
        if value.HasField("sub_link"):
            # One that is compared by "=" yields a single value, or fails.
            return value.sub_link.sub_link_type == pg.EXPR_SUBLINK or self.few_rows(
                value.sub_link.subselect.select_stmt
            )
        return all(column_path(each)[0] in self._few for each in find_nodes(value, ColumnRef))

    def _is_small(self, limit: Node) -> bool:
        return bool(limit.a_const.HasField("ival") and limit.a_const.ival.ival <= FEW)


def _is_key(expression: Node, table: RangeVar) -> bool:
    if not expression.HasField("column_ref"):
        return False
    qualifier, column = column_path(expression.column_ref)
    return column in KEYS and qualifier in ("", table.alias.aliasname or table.relname)
