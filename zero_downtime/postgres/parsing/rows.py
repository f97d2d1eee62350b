"""Statements that read or write rows, and how many of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from google.protobuf.message import Message
from postgast import find_nodes, unwrap_node
from postgast import pg_query_pb2 as pg
from postgast.pg_query_pb2 import (
    CopyStmt,
    DeleteStmt,
    FuncCall,
    InsertStmt,
    MergeStmt,
    RangeVar,
    SelectStmt,
    UpdateStmt,
)

from zero_downtime.postgres.functions import acts_unseen
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.parsing.bounds import KEYS, Bounds
from zero_downtime.postgres.parsing.names import table_name
from zero_downtime.postgres.parsing.trees import descendants, function_path
from zero_downtime.postgres.statements import (
    Brief,
    CreateTable,
    Opaque,
    ReadRows,
    Statement,
    WriteRows,
)

QUERIES = (SelectStmt, InsertStmt, UpdateStmt, DeleteStmt, MergeStmt)
# What INTO names is new; what FOR UPDATE OF names may be an alias.
_CLOSED = (*QUERIES, pg.IntoClause, pg.LockingClause)
_CATALOGS = ("pg_catalog", "information_schema")
_FOREIGN_KEY_SUFFIX = "_id"


def query(statement: Message) -> Iterator[Statement]:
    """Translate SELECT, INSERT, UPDATE, DELETE or MERGE with all that is inside of it."""
    yield from _Query(statement).statements(statement)


def select(statement: SelectStmt) -> Iterator[Statement]:
    """Translate a SELECT that stands alone: it may be there for the functions that it calls."""
    if statement.HasField("into_clause"):
        yield CreateTable(table_name(statement.into_clause.rel))
    found = [*query(statement), *_calls(statement)]
    yield from found or [Brief("", "SELECT")]


def copy(statement: CopyStmt) -> Iterator[Statement]:
    if statement.HasField("query"):
        yield from query(unwrap_node(statement.query))
    elif statement.is_from:
        yield WriteRows(table_name(statement.relation), "COPY", keys=True)
    else:
        yield ReadRows(table_name(statement.relation))


def tables_read(statement: Message) -> tuple[str, ...]:
    """Return the tables that a query mentions anywhere, each once."""
    names = _Query(statement)
    tables = (names.table(each) for each in find_nodes(statement, RangeVar))
    return tuple(dict.fromkeys(table for table in tables if table))


def _calls(statement: SelectStmt) -> Iterator[Statement]:
    for call in find_nodes(statement, FuncCall):
        schema, name = function_path(call)
        if acts_unseen(schema, name):
            yield Opaque("", f"{name}() is called, and may do anything")


class _Query:
    """A statement whose parts know the names of its CTEs."""

    def __init__(self, whole: Message) -> None:
        ctes = {cte.ctename: cte.ctequery for cte in find_nodes(whole, pg.CommonTableExpr)}
        self._ctes = set(ctes)
        self._bounds = Bounds(whole)
        self._kinds: dict[type[Any], Callable[[Any], Iterator[Statement]]] = {
            SelectStmt: self._select,
            InsertStmt: self._insert,
            UpdateStmt: self._update,
            DeleteStmt: self._delete,
            MergeStmt: self._merge,
        }

    def statements(self, part: Message) -> Iterator[Statement]:
        return self._kinds[type(part)](part)

    def table(self, relation: RangeVar) -> str:
        """Return the name of a table; "" of a CTE, or of a table of PostgreSQL's own."""
        if not relation.schemaname and relation.relname in self._ctes:
            return ""
        if relation.schemaname in _CATALOGS or relation.relname.startswith("pg_"):
            return ""
        return table_name(relation)

    def _select(self, select: SelectStmt) -> Iterator[Statement]:
        few = self._bounds.few_rows(select) or self._bounds.by_index(select)
        for table in self._tables(select):
            yield Brief(table, "SELECT", Lock.ACCESS_SHARE) if few else ReadRows(table)
            if select.locking_clause:
                yield Brief(table, "SELECT ... FOR UPDATE", Lock.ROW_SHARE)
        for part in _inner_queries(select):
            yield from self.statements(part)

    def _insert(self, insert: InsertStmt) -> Iterator[Statement]:
        source = insert.select_stmt.select_stmt
        few = not insert.HasField("select_stmt") or self._bounds.few_rows(source)
        yield from self._write(insert, WriteRows("", "INSERT", few, keys=True))

    def _update(self, update: UpdateStmt) -> Iterator[Statement]:
        columns = tuple(node.res_target.name for node in update.target_list)
        pinned = self._bounds.pinned(update.where_clause, update.relation)
        yield from self._write(
            update,
            WriteRows(
                "",
                "UPDATE",
                bounded=bool(pinned & KEYS),
                keys=any(name in KEYS or name.endswith(_FOREIGN_KEY_SUFFIX) for name in columns),
                columns=columns,
                pinned=pinned,
            ),
        )

    def _delete(self, delete: DeleteStmt) -> Iterator[Statement]:
        pinned = self._bounds.pinned(delete.where_clause, delete.relation)
        few = bool(pinned & KEYS)
        yield from self._write(delete, WriteRows("", "DELETE", few, keys=True, pinned=pinned))

    def _merge(self, merge: MergeStmt) -> Iterator[Statement]:
        source = merge.source_relation.range_subselect.subquery
        few = source.HasField("select_stmt") and self._bounds.few_rows(source.select_stmt)
        yield from self._write(merge, WriteRows("", "MERGE", few, keys=True))

    def _write(self, write: Any, known: WriteRows) -> Iterator[Statement]:
        """Yield what is `known` of the statement, with the tables it names, and what is in it."""
        target = table_name(write.relation)
        inner = [each for part in _inner_queries(write) for each in self.statements(part)]
        reads = [each.table for each in inner if isinstance(each, ReadRows)]
        reads += [table for table in self._tables(write) if table != target]
        # What a data-modifying CTE does.
        yield from (each for each in inner if not isinstance(each, ReadRows | Brief))
        yield replace(
            known, table=target, reads=tuple(dict.fromkeys(reads)), texts=_texts_in(write)
        )

    def _tables(self, part: Message) -> tuple[str, ...]:
        """Return the tables that a query names itself, not in a query inside of it."""
        relations = (node for node in descendants(part, _CLOSED) if isinstance(node, RangeVar))
        names = (self.table(relation) for relation in relations)
        return tuple(dict.fromkeys(name for name in names if name))


def _texts_in(write: Message) -> frozenset[str]:
    literals = find_nodes(write, pg.A_Const)
    return frozenset(each.sval.sval for each in literals if each.HasField("sval"))


def _inner_queries(part: Message) -> Iterator[Message]:
    return (node for node in descendants(part, QUERIES) if isinstance(node, QUERIES))
