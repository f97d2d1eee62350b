"""Statements that make, drop and rename tables, indexes and views."""

from __future__ import annotations

from collections.abc import Iterator

from postgast import find_nodes, unwrap_node
from postgast import pg_query_pb2 as pg
from postgast.pg_query_pb2 import (
    AlterObjectSchemaStmt,
    CreateForeignTableStmt,
    CreateStmt,
    CreateTableAsStmt,
    CreateTrigStmt,
    DropStmt,
    IndexStmt,
    Node,
    RenameStmt,
    ViewStmt,
)

from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.parsing.names import dotted, qualified, strings, table_name
from zero_downtime.postgres.parsing.rows import query
from zero_downtime.postgres.parsing.shown import shown_columns
from zero_downtime.postgres.parsing.trees import columns_in
from zero_downtime.postgres.statements import (
    Brief,
    CreateIndex,
    CreateTable,
    CreateTrigger,
    CreateView,
    DropIndex,
    DropTable,
    DropView,
    Opaque,
    RenameColumn,
    RenameTable,
    Statement,
)

_TABLES = (pg.OBJECT_TABLE, pg.OBJECT_FOREIGN_TABLE)
_VIEWS = (pg.OBJECT_VIEW, pg.OBJECT_MATVIEW)
# They belong to a table, which is named together with them.
_OF_TABLES = (pg.OBJECT_TRIGGER, pg.OBJECT_RULE, pg.OBJECT_POLICY, pg.OBJECT_TABCONSTRAINT)
# With CASCADE they take tables, columns or their defaults along.
_USED_BY_TABLES = {
    pg.OBJECT_TYPE: "columns",
    pg.OBJECT_DOMAIN: "columns",
    pg.OBJECT_EXTENSION: "columns and tables",
    pg.OBJECT_SCHEMA: "columns and tables",
    pg.OBJECT_FUNCTION: "triggers, indexes and columns",
    pg.OBJECT_SEQUENCE: "defaults",
}
_ABBREVIATED = {
    "TABCONSTRAINT": "CONSTRAINT",
    "MATVIEW": "MATERIALIZED VIEW",
    "STATISTIC_EXT": "STATISTICS",
}


def object_kind(kind: pg.ObjectType) -> str:
    """Return what SQL calls that kind of object, like `EVENT TRIGGER`."""
    name = str(pg.ObjectType.Name(kind)).removeprefix("OBJECT_")
    return _ABBREVIATED.get(name, name.replace("_", " "))


def create_table(statement: CreateStmt) -> Iterator[Statement]:
    table = table_name(statement.relation)
    targets = {table_name(each.pktable) for each in find_nodes(statement, pg.Constraint)}
    others = tuple(sorted(targets - {"", table}))
    yield CreateTable(table, others, if_not_exists=statement.if_not_exists)
    for node in statement.table_elts:
        if node.HasField("table_like_clause"):
            yield Brief(table_name(node.table_like_clause.relation), "LIKE", Lock.ACCESS_SHARE)
    for node in statement.inh_relations:
        if statement.HasField("partbound"):
            yield Brief(table_name(node.range_var), "PARTITION OF")
        else:
            yield Brief(table_name(node.range_var), "INHERITS", Lock.SHARE_UPDATE_EXCLUSIVE)


def create_foreign_table(statement: CreateForeignTableStmt) -> Iterator[Statement]:
    yield from create_table(statement.base_stmt)


def create_table_as(statement: CreateTableAsStmt) -> Iterator[Statement]:
    """Translate CREATE TABLE AS and CREATE MATERIALIZED VIEW."""
    table = table_name(statement.into.rel)
    if statement.objtype == pg.OBJECT_MATVIEW:
        yield CreateView(table, shown_columns(statement.query), materialized=True)
        return
    yield CreateTable(table, if_not_exists=statement.if_not_exists)
    if statement.query.HasField("execute_stmt"):
        yield Opaque(table, "it is filled by a prepared statement")
    else:
        yield from query(unwrap_node(statement.query))


def create_view(statement: ViewStmt) -> Iterator[Statement]:
    columns = shown_columns(statement.query)
    yield CreateView(table_name(statement.view), columns, replace=statement.replace)


def create_index(statement: IndexStmt) -> Iterator[Statement]:
    columns: list[str] = []
    for node in statement.index_params:
        element = node.index_elem
        columns += [element.name] if element.name else columns_in(element.expr)
    yield CreateIndex(
        table_name(statement.relation),
        statement.idxname,
        unique=statement.unique,
        concurrently=statement.concurrent,
        only=not statement.relation.inh,
        columns=tuple(columns),
        if_not_exists=statement.if_not_exists,
    )


def create_trigger(statement: CreateTrigStmt) -> Iterator[Statement]:
    yield CreateTrigger(table_name(statement.relation), statement.trigname)
    if statement.HasField("constrrel"):
        yield CreateTrigger(table_name(statement.constrrel), statement.trigname)


def drop(statement: DropStmt) -> Iterator[Statement]:
    for node in statement.objects:
        yield _drop(statement, node)


def _drop(statement: DropStmt, node: Node) -> Statement:
    kind = statement.remove_type
    path = strings(node.list.items)
    if kind in _TABLES:
        return DropTable(dotted(path), if_exists=statement.missing_ok)
    if kind in _VIEWS:
        return DropView(dotted(path))
    if kind == pg.OBJECT_INDEX:
        return DropIndex("", dotted(path), concurrently=statement.concurrent)
    what = f"DROP {object_kind(kind)}"
    if kind in _OF_TABLES:
        return Brief(dotted(path[:-1]), what)
    if kind in _USED_BY_TABLES and statement.behavior == pg.DROP_CASCADE:
        return Opaque("", f"{what} ... CASCADE drops the {_USED_BY_TABLES[kind]} that need it")
    return Brief("", what)


def rename(statement: RenameStmt) -> Iterator[Statement]:
    kind = statement.rename_type
    table = table_name(statement.relation)
    if kind in (*_TABLES, *_VIEWS):
        new_name = qualified(statement.relation.schemaname, statement.newname)
        yield RenameTable(table, new_name)
    elif kind == pg.OBJECT_COLUMN:
        yield RenameColumn(table, statement.subname, statement.newname)
    elif kind == pg.OBJECT_SCHEMA:
        yield Opaque("", f"every table in the schema {statement.subname} is named otherwise")
    else:
        yield Brief(table if kind in _OF_TABLES else "", f"RENAME {object_kind(kind)}")


def set_schema(statement: AlterObjectSchemaStmt) -> Iterator[Statement]:
    """Translate SET SCHEMA, which to code that names the table is a renaming."""
    if statement.object_type in (*_TABLES, *_VIEWS):
        new_name = qualified(statement.newschema, statement.relation.relname)
        yield RenameTable(table_name(statement.relation), new_name)
    else:
        yield Brief("", "SET SCHEMA")
