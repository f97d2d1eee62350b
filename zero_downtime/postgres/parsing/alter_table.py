"""ALTER TABLE: each of its subcommands is a statement of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from postgast import pg_query_pb2 as pg
from postgast.pg_query_pb2 import AlterTableCmd, AlterTableStmt

from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.parsing.columns import add_column
from zero_downtime.postgres.parsing.constraints import add_constraint
from zero_downtime.postgres.parsing.names import strings, table_name, type_name
from zero_downtime.postgres.parsing.trees import column_path
from zero_downtime.postgres.statements import (
    AddIdentity,
    AlterColumnType,
    Brief,
    DropColumn,
    DropConstraint,
    DropDefault,
    DropIdentity,
    DropNotNull,
    Heavy,
    SetDefault,
    SetNotNull,
    Statement,
    ValidateConstraint,
)

Translate = Callable[[str, AlterTableCmd], Iterator[Statement]]

_TABLES = (pg.OBJECT_TABLE, pg.OBJECT_FOREIGN_TABLE)
_VIEWS = {pg.OBJECT_VIEW: "ALTER VIEW", pg.OBJECT_MATVIEW: "ALTER MATERIALIZED VIEW"}
_OTHERS = {
    pg.OBJECT_INDEX: "ALTER INDEX",
    pg.OBJECT_SEQUENCE: "ALTER SEQUENCE",
    pg.OBJECT_TYPE: "ALTER TYPE",
}


def alter_table(statement: AlterTableStmt) -> Iterator[Statement]:
    """Translate ALTER TABLE, and what the grammar takes for it: ALTER INDEX, ALTER VIEW, ..."""
    table = table_name(statement.relation)
    if statement.objtype in _VIEWS:
        yield Brief(table, _VIEWS[statement.objtype])
        return
    if statement.objtype not in _TABLES:
        yield Brief("", _OTHERS.get(statement.objtype, "ALTER"))
        return
    commands = [node.alter_table_cmd for node in statement.cmds]
    # PostgreSQL drops first, wherever it is written: a CHECK that is dropped proves nothing
    # to the SET NOT NULL beside it.
    for command in sorted(commands, key=lambda each: each.subtype not in _DROPS):
        yield from _translate(table, command)


def _translate(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    if command.subtype in _BRIEF:
        what, mode = _BRIEF[command.subtype]
        yield Brief(table, what, mode)
    elif command.subtype in _HEAVY:
        yield Heavy(table, _HEAVY[command.subtype])
    elif command.subtype in _COMMANDS:
        yield from _COMMANDS[command.subtype](table, command)
    else:
        yield Brief(table, "ALTER TABLE")


def _add_column(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield add_column(table, getattr(command, "def").column_def, command.missing_ok)


def _drop_column(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield DropColumn(table, command.name, if_exists=command.missing_ok)


def _alter_type(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    definition = getattr(command, "def").column_def
    collation = strings(definition.coll_clause.collname)
    yield AlterColumnType(
        table,
        command.name,
        after=type_name(definition.type_name),
        cast=definition.HasField("raw_default"),
        using=definition.HasField("raw_default") and not _is_plain_cast(command, definition),
        rereads="" if collation[-1:] in ((), ("default",)) else "another collation",
    )


def _is_plain_cast(command: AlterTableCmd, definition: pg.ColumnDef) -> bool:
    """Tell whether USING says what PostgreSQL would do without it."""
    expression = definition.raw_default
    if expression.HasField("type_cast"):
        if type_name(expression.type_cast.type_name) != type_name(definition.type_name):
            return False
        expression = expression.type_cast.arg
    if not expression.HasField("column_ref"):
        return False
    return column_path(expression.column_ref)[1] == str(command.name)


def _set_or_drop_default(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield (SetDefault if command.HasField("def") else DropDefault)(table, command.name)


def _set_not_null(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield SetNotNull(table, command.name)


def _drop_not_null(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield DropNotNull(table, command.name)


def _add_identity(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield AddIdentity(table, command.name)


def _drop_identity(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield DropIdentity(table, command.name)


def _add_constraint(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield add_constraint(table, getattr(command, "def").constraint)


def _validate_constraint(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield ValidateConstraint(table, command.name)


def _drop_constraint(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield DropConstraint(table, command.name)


def _alter_constraint(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    change = getattr(command, "def").atalter_constraint
    if change.alter_enforceability and change.is_enforced:
        yield Heavy(table, "ALTER CONSTRAINT ... ENFORCED")
    else:
        yield Brief(table, "ALTER CONSTRAINT")


def _inherit(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    yield Brief(table, "INHERIT")
    parent = table_name(getattr(command, "def").range_var)
    yield Brief(parent, "INHERIT", Lock.SHARE_UPDATE_EXCLUSIVE)


def _attach_partition(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    partition = table_name(getattr(command, "def").partition_cmd.name)
    yield Brief(table, "ATTACH PARTITION", Lock.SHARE_UPDATE_EXCLUSIVE)
    # Its rows are looked at, unless a CHECK says that they belong there.
    yield Heavy(partition, "ATTACH PARTITION")


def _detach_partition(table: str, command: AlterTableCmd) -> Iterator[Statement]:
    detach = getattr(command, "def").partition_cmd
    what = "DETACH PARTITION"
    mode = Lock.ACCESS_EXCLUSIVE
    if detach.concurrent:
        what += " CONCURRENTLY"
        mode = Lock.SHARE_UPDATE_EXCLUSIVE
    yield Brief(table, what, mode, alone=detach.concurrent)
    yield Brief(table_name(detach.name), what, alone=detach.concurrent)


_COMMANDS: dict[int, Translate] = {
    pg.AT_AddColumn: _add_column,
    pg.AT_DropColumn: _drop_column,
    pg.AT_AlterColumnType: _alter_type,
    pg.AT_ColumnDefault: _set_or_drop_default,
    pg.AT_SetNotNull: _set_not_null,
    pg.AT_DropNotNull: _drop_not_null,
    pg.AT_AddIdentity: _add_identity,
    pg.AT_DropIdentity: _drop_identity,
    pg.AT_AddConstraint: _add_constraint,
    pg.AT_ValidateConstraint: _validate_constraint,
    pg.AT_DropConstraint: _drop_constraint,
    pg.AT_AlterConstraint: _alter_constraint,
    pg.AT_AddInherit: _inherit,
    pg.AT_AttachPartition: _attach_partition,
    pg.AT_DetachPartition: _detach_partition,
    pg.AT_DetachPartitionFinalize: _detach_partition,
}
_DROPS = {pg.AT_DropColumn, pg.AT_DropConstraint, pg.AT_DropNotNull}
# They go through the table. SET TABLESPACE and SET ACCESS METHOD do so
# unless the table is there already, which the text does not tell.
_HEAVY = {
    pg.AT_SetLogged: "SET LOGGED",
    pg.AT_SetUnLogged: "SET UNLOGGED",
    pg.AT_SetTableSpace: "SET TABLESPACE",
    pg.AT_SetAccessMethod: "SET ACCESS METHOD",
    pg.AT_SetExpression: "SET EXPRESSION",
}
_BRIEF = {
    pg.AT_DropExpression: ("DROP EXPRESSION", Lock.ACCESS_EXCLUSIVE),
    pg.AT_SetIdentity: ("SET GENERATED", Lock.ACCESS_EXCLUSIVE),
    pg.AT_SetStatistics: ("SET STATISTICS", Lock.SHARE_UPDATE_EXCLUSIVE),
    pg.AT_SetOptions: ("SET (n_distinct)", Lock.SHARE_UPDATE_EXCLUSIVE),
    pg.AT_ResetOptions: ("RESET (n_distinct)", Lock.SHARE_UPDATE_EXCLUSIVE),
    pg.AT_SetStorage: ("SET STORAGE", Lock.ACCESS_EXCLUSIVE),
    pg.AT_SetCompression: ("SET COMPRESSION", Lock.ACCESS_EXCLUSIVE),
    pg.AT_ChangeOwner: ("OWNER TO", Lock.ACCESS_EXCLUSIVE),
    pg.AT_ClusterOn: ("CLUSTER ON", Lock.SHARE_UPDATE_EXCLUSIVE),
    pg.AT_DropCluster: ("SET WITHOUT CLUSTER", Lock.SHARE_UPDATE_EXCLUSIVE),
    pg.AT_DropOids: ("SET WITHOUT OIDS", Lock.ACCESS_EXCLUSIVE),
    pg.AT_SetRelOptions: ("SET (...)", Lock.SHARE_UPDATE_EXCLUSIVE),
    pg.AT_ResetRelOptions: ("RESET (...)", Lock.SHARE_UPDATE_EXCLUSIVE),
    pg.AT_EnableTrig: ("ENABLE TRIGGER", Lock.SHARE_ROW_EXCLUSIVE),
    pg.AT_EnableAlwaysTrig: ("ENABLE ALWAYS TRIGGER", Lock.SHARE_ROW_EXCLUSIVE),
    pg.AT_EnableReplicaTrig: ("ENABLE REPLICA TRIGGER", Lock.SHARE_ROW_EXCLUSIVE),
    pg.AT_DisableTrig: ("DISABLE TRIGGER", Lock.SHARE_ROW_EXCLUSIVE),
    pg.AT_EnableTrigAll: ("ENABLE TRIGGER ALL", Lock.SHARE_ROW_EXCLUSIVE),
    pg.AT_DisableTrigAll: ("DISABLE TRIGGER ALL", Lock.SHARE_ROW_EXCLUSIVE),
    pg.AT_EnableTrigUser: ("ENABLE TRIGGER USER", Lock.SHARE_ROW_EXCLUSIVE),
    pg.AT_DisableTrigUser: ("DISABLE TRIGGER USER", Lock.SHARE_ROW_EXCLUSIVE),
    pg.AT_EnableRule: ("ENABLE RULE", Lock.ACCESS_EXCLUSIVE),
    pg.AT_EnableAlwaysRule: ("ENABLE ALWAYS RULE", Lock.ACCESS_EXCLUSIVE),
    pg.AT_EnableReplicaRule: ("ENABLE REPLICA RULE", Lock.ACCESS_EXCLUSIVE),
    pg.AT_DisableRule: ("DISABLE RULE", Lock.ACCESS_EXCLUSIVE),
    pg.AT_DropInherit: ("NO INHERIT", Lock.ACCESS_EXCLUSIVE),
    pg.AT_ReplicaIdentity: ("REPLICA IDENTITY", Lock.ACCESS_EXCLUSIVE),
    pg.AT_EnableRowSecurity: ("ENABLE ROW LEVEL SECURITY", Lock.ACCESS_EXCLUSIVE),
    pg.AT_DisableRowSecurity: ("DISABLE ROW LEVEL SECURITY", Lock.ACCESS_EXCLUSIVE),
    pg.AT_ForceRowSecurity: ("FORCE ROW LEVEL SECURITY", Lock.ACCESS_EXCLUSIVE),
    pg.AT_NoForceRowSecurity: ("NO FORCE ROW LEVEL SECURITY", Lock.ACCESS_EXCLUSIVE),
}
