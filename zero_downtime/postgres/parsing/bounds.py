"""Which queries are known to concern few rows, however large the tables are."""

from __future__ import annotations

from google.protobuf.message import Message
from postgast import find_nodes
from postgast import pg_query_pb2 as pg
from postgast.pg_query_pb2 import ColumnRef, FuncCall, Node, RangeVar, SelectStmt

from zero_downtime.postgres.parsing.names import strings
from zero_downtime.postgres.parsing.trees import column_path, function_path

KEYS = frozenset(["id", "pk", "ctid"])
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

    def pinned(self, condition: Node, table: RangeVar) -> frozenset[str]:
        """Return the columns of the table of which the condition gives the values, all of them."""
        if condition.HasField("bool_expr"):
            parts = [self.pinned(part, table) for part in condition.bool_expr.args]
            if condition.bool_expr.boolop == pg.AND_EXPR:
                return frozenset().union(*parts)
            if condition.bool_expr.boolop == pg.OR_EXPR:
                return parts[0].intersection(*parts)
        if condition.HasField("a_expr"):
            return self._compared(condition.a_expr, table)
        if condition.HasField("sub_link"):
            link = condition.sub_link
            if link.sub_link_type == pg.ANY_SUBLINK and not link.oper_name:
                return self._given(link.testexpr, link.subselect, table)
        return frozenset(["ctid"] if condition.HasField("current_of_expr") else [])

    def _compared(self, comparison: pg.A_Expr, table: RangeVar) -> frozenset[str]:
        left, right = comparison.lexpr, comparison.rexpr
        if strings(comparison.name) != ("=",):
            return frozenset()
        if comparison.kind == pg.AEXPR_OP:
            return self._given(left, right, table) | self._given(right, left, table)
        if comparison.kind in (pg.AEXPR_IN, pg.AEXPR_OP_ANY):
            return self._given(left, right, table)
        return frozenset()

    def _given(self, column: Node, value: Node, table: RangeVar) -> frozenset[str]:
        if not column.HasField("column_ref") or not self._is_given(value):
            return frozenset()
        qualifier, name = column_path(column.column_ref)
        mine = qualifier in ("", table.alias.aliasname or table.relname)
        return frozenset([name] if mine else [])

    def _yields_few(self, source: Node, select: SelectStmt) -> bool:
        if source.HasField("range_var"):
            pinned = self.pinned(select.where_clause, source.range_var)
            return source.range_var.relname in self._few or bool(pinned & KEYS)
        if source.HasField("range_subselect"):
            return self.few_rows(source.range_subselect.subquery.select_stmt)
        if source.HasField("join_expr"):
            join = source.join_expr
            return self._yields_few(join.larg, select) and self._yields_few(join.rarg, select)
        return True

    def _is_given(self, value: Node) -> bool:
        """Tell whether there are few values: constants, or those of few rows."""
        if value.HasField("select_stmt"):
            return self.few_rows(value.select_stmt)
        if value.HasField("sub_link"):
            # It yields a single value, or fails.
            return bool(value.sub_link.sub_link_type == pg.EXPR_SUBLINK)
        return all(column_path(each)[0] in self._few for each in find_nodes(value, ColumnRef))

    def _is_small(self, limit: Node) -> bool:
        return bool(limit.a_const.HasField("ival") and limit.a_const.ival.ival <= FEW)
