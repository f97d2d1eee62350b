"""Statements that concern whole tables, or no table at all."""

from __future__ import annotations

from collections.abc import Iterator

from postgast import find_nodes
from postgast import pg_query_pb2 as pg

from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.parsing.definitions import object_kind
from zero_downtime.postgres.parsing.names import dotted, strings, table_name
from zero_downtime.postgres.parsing.trees import has_option
from zero_downtime.postgres.statements import (
    Brief,
    EnumValue,
    Heavy,
    LockTable,
    Opaque,
    Statement,
    Truncate,
)


def truncate(statement: pg.TruncateStmt) -> Iterator[Statement]:
    for node in statement.relations:
        yield Truncate(table_name(node.range_var))


def lock(statement: pg.LockStmt) -> Iterator[Statement]:
    for node in statement.relations:
        yield LockTable(table_name(node.range_var), Lock(statement.mode))


def vacuum(statement: pg.VacuumStmt) -> Iterator[Statement]:
    """Translate VACUUM and ANALYZE."""
    tables = [table_name(node.vacuum_relation.relation) for node in statement.rels] or [""]
    for table in tables:
        if not statement.is_vacuumcmd:
            yield Brief(table, "ANALYZE", Lock.SHARE_UPDATE_EXCLUSIVE)
        elif has_option(statement.options, "full"):
            yield Heavy(table, "VACUUM FULL", alone=True)
        else:
            yield Heavy(table, "VACUUM", Lock.SHARE_UPDATE_EXCLUSIVE, alone=True)


def cluster(statement: pg.ClusterStmt) -> Iterator[Statement]:
    table = table_name(statement.relation)
    yield Heavy(table, "CLUSTER", alone=not table)


def reindex(statement: pg.ReindexStmt) -> Iterator[Statement]:
    kind = pg.ReindexObjectType.Name(statement.kind).removeprefix("REINDEX_OBJECT_")
    concurrently = has_option(statement.params, "concurrently")
    yield Heavy(
        table_name(statement.relation) if kind == "TABLE" else "",
        f"REINDEX {kind}" + " CONCURRENTLY" * concurrently,
        Lock.SHARE_UPDATE_EXCLUSIVE if concurrently else Lock.SHARE,
        alone=concurrently or kind not in ("TABLE", "INDEX"),
    )


def refresh(statement: pg.RefreshMatViewStmt) -> Iterator[Statement]:
    view = table_name(statement.relation)
    command = "REFRESH MATERIALIZED VIEW" + " CONCURRENTLY" * statement.concurrent
    if statement.skip_data:
        yield Brief(view, command)
    else:
        mode = Lock.EXCLUSIVE if statement.concurrent else Lock.ACCESS_EXCLUSIVE
        yield Heavy(view, command, mode, fills=True)


def alter_sequence(statement: pg.AlterSeqStmt) -> Iterator[Statement]:
    for node in statement.options:
        owner = strings(node.def_elem.arg.list.items)
        if node.def_elem.defname == "owned_by" and len(owner) > 1:
            yield Brief(dotted(owner[:-1]), "OWNED BY", Lock.ACCESS_SHARE)
            return
    yield Brief("", "ALTER SEQUENCE")


_READS_DOMAIN = {"O": "SET NOT NULL", "C": "ADD CONSTRAINT", "V": "VALIDATE CONSTRAINT"}


def alter_domain(statement: pg.AlterDomainStmt) -> Iterator[Statement]:
    constraint = getattr(statement, "def").constraint
    change = _READS_DOMAIN.get(statement.subtype)
    if change is None or constraint.skip_validation:
        yield Brief("", "ALTER DOMAIN")
    else:
        # It reads all tables that have a column of the domain; the text does not tell which.
        yield Heavy("", f"ALTER DOMAIN ... {change}", Lock.SHARE)


def comment(statement: pg.CommentStmt) -> Iterator[Statement]:
    path = strings(statement.object.list.items)
    what = f"COMMENT ON {object_kind(statement.objtype)}"
    if statement.objtype in (pg.OBJECT_TABLE, pg.OBJECT_VIEW, pg.OBJECT_MATVIEW):
        yield Brief(dotted(path), what, Lock.SHARE_UPDATE_EXCLUSIVE)
    elif statement.objtype == pg.OBJECT_COLUMN:
        yield Brief(dotted(path[:-1]), what, Lock.SHARE_UPDATE_EXCLUSIVE)
    elif statement.objtype == pg.OBJECT_TABCONSTRAINT:
        yield Brief(dotted(path[:-1]), what, Lock.ACCESS_SHARE)
    else:
        yield Brief("", what)


def grant(statement: pg.GrantStmt) -> Iterator[Statement]:
    what = "GRANT" if statement.is_grant else "REVOKE"
    tables = [table_name(node.range_var) for node in statement.objects]
    on_tables = statement.objtype == pg.OBJECT_TABLE and any(tables)
    for table in tables if on_tables else [""]:
        yield Brief(table, what, Lock.ACCESS_SHARE)


def policy(statement: pg.CreatePolicyStmt | pg.AlterPolicyStmt) -> Iterator[Statement]:
    yield Brief(table_name(statement.table), "POLICY")


def rule(statement: pg.RuleStmt) -> Iterator[Statement]:
    yield Brief(table_name(statement.relation), "CREATE RULE")


def publication(
    statement: pg.CreatePublicationStmt | pg.AlterPublicationStmt,
) -> Iterator[Statement]:
    tables = [table_name(each.relation) for each in find_nodes(statement, pg.PublicationTable)]
    for table in tables or [""]:
        yield Brief(table, "PUBLICATION", Lock.SHARE_UPDATE_EXCLUSIVE)


def statistics(statement: pg.CreateStatsStmt) -> Iterator[Statement]:
    for node in statement.relations:
        yield Brief(table_name(node.range_var), "CREATE STATISTICS", Lock.SHARE_UPDATE_EXCLUSIVE)


def transaction(statement: pg.TransactionStmt) -> Iterator[Statement]:
    kind = pg.TransactionStmtKind.Name(statement.kind).removeprefix("TRANS_STMT_")
    yield Brief("", kind.replace("_", " "))


def set_variable(statement: pg.VariableSetStmt) -> Iterator[Statement]:
    yield Brief("", f"SET {statement.name}".rstrip())


def alter_enum(statement: pg.AlterEnumStmt) -> Iterator[Statement]:
    yield EnumValue("", statement.new_val, statement.old_val)


def call(statement: pg.CallStmt) -> Iterator[Statement]:
    yield Opaque("", f"{strings(statement.funccall.funcname)[-1]} is called, and may do anything")


def execute(statement: pg.ExecuteStmt) -> Iterator[Statement]:
    yield Opaque("", f"{statement.name} is a prepared statement")


def drop_database(statement: pg.DropdbStmt) -> Iterator[Statement]:
    yield Opaque("", "DROP DATABASE drops all that is in it", alone=True)
