"""Which columns of which tables a view is made of."""

from __future__ import annotations

from postgast import find_nodes
from postgast.pg_query_pb2 import ColumnRef, CommonTableExpr, Node, RangeVar

from zero_downtime.postgres.parsing.names import table_name
from zero_downtime.postgres.parsing.trees import column_path


def shown_columns(query: Node) -> tuple[tuple[str, str], ...]:
    """Return each (table, column) that the query uses, be it to show it or to choose rows by.

    A column that is not qualified is said of all the tables it may be of. A table that none is
    said of comes with the column "".
    """
    ctes = {cte.ctename for cte in find_nodes(query, CommonTableExpr)}
    tables = {
        relation.alias.aliasname or relation.relname: table_name(relation)
        for relation in find_nodes(query, RangeVar)
        if relation.schemaname or relation.relname not in ctes
    }
    found: dict[tuple[str, str], None] = {}
    for reference in find_nodes(query, ColumnRef):
        qualifier, column = column_path(reference)
        for alias, table in tables.items():
            if qualifier in ("", alias):
                found[table, column] = None
    mentioned = {table for table, _ in found}
    return (*found, *((table, "") for table in tables.values() if table not in mentioned))
