"""Which function translates which statement of PostgreSQL's grammar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from postgast import unwrap_node
from postgast.pg_query_pb2 import DoStmt, Node

from zero_downtime.postgres.parsing import commands, definitions, rows
from zero_downtime.postgres.parsing.alter_table import alter_table
from zero_downtime.postgres.parsing.blocks import parts_of_block
from zero_downtime.postgres.parsing.reading import Unreadable, read
from zero_downtime.postgres.statements import Brief, Opaque, Statement, WriteRows


def translate(node: Node) -> Iterable[Statement]:
    """Return what the statement does; what is not known here is opaque."""
    kind = node.WhichOneof("node") or ""
    if kind in _TRANSLATORS:
        return _TRANSLATORS[kind](unwrap_node(node))
    if kind in _ALONE:
        return [Brief("", _ALONE[kind], alone=True)]
    command = kind.removesuffix("_stmt").replace("_", " ").upper()
    if kind in _BRIEF:
        return [Brief("", command)]
    return [Opaque("", _OPAQUE.get(kind, f"{command} is not known here"))]


def _do_block(block: DoStmt) -> Iterator[Statement]:
    for part in parts_of_block(block):
        if isinstance(part, Statement):
            yield part
            continue
        for statement in _translate_text(part.text):
            if part.repeated and isinstance(statement, WriteRows):
                statement = replace(statement, bounded=False)
            yield statement


def _translate_text(sql: str) -> Iterator[Statement]:
    try:
        statements = read(sql)
    except Unreadable as error:
        yield Opaque("", str(error))
    else:
        for each in statements:
            yield from translate(each.stmt)


def _inner(statement: Any) -> Iterator[Statement]:
    """Translate EXPLAIN, PREPARE and DECLARE as the query that they name."""
    yield from translate(statement.query)


_TRANSLATORS: dict[str, Callable[[Any], Iterator[Statement]]] = {
    # Tables, and what belongs to them
    "create_stmt": definitions.create_table,
    "create_foreign_table_stmt": definitions.create_foreign_table,
    "create_table_as_stmt": definitions.create_table_as,
    "alter_table_stmt": alter_table,
    "rename_stmt": definitions.rename,
    "alter_object_schema_stmt": definitions.set_schema,
    "drop_stmt": definitions.drop,
    "index_stmt": definitions.create_index,
    "view_stmt": definitions.create_view,
    "create_trig_stmt": definitions.create_trigger,
    "rule_stmt": commands.rule,
    "create_policy_stmt": commands.policy,
    "alter_policy_stmt": commands.policy,
    "create_stats_stmt": commands.statistics,
    "create_publication_stmt": commands.publication,
    "alter_publication_stmt": commands.publication,
    "alter_seq_stmt": commands.alter_sequence,
    "alter_domain_stmt": commands.alter_domain,
    "comment_stmt": commands.comment,
    "grant_stmt": commands.grant,
    # Commands that go through tables
    "vacuum_stmt": commands.vacuum,
    "cluster_stmt": commands.cluster,
    "reindex_stmt": commands.reindex,
    "refresh_mat_view_stmt": commands.refresh,
    "lock_stmt": commands.lock,
    "truncate_stmt": commands.truncate,
    # Rows
    "select_stmt": rows.select,
    "insert_stmt": rows.query,
    "update_stmt": rows.query,
    "delete_stmt": rows.query,
    "merge_stmt": rows.query,
    "copy_stmt": rows.copy,
    "explain_stmt": _inner,
    "prepare_stmt": _inner,
    "declare_cursor_stmt": _inner,
    # What else there is
    "transaction_stmt": commands.transaction,
    "variable_set_stmt": commands.set_variable,
    "alter_enum_stmt": commands.alter_enum,
    "do_stmt": _do_block,
    "call_stmt": commands.call,
    "execute_stmt": commands.execute,
    "dropdb_stmt": commands.drop_database,
}

# They lock no table, or none that running code uses.
_BRIEF = frozenset(
    f"{name}_stmt"
    for name in """
    create_schema alter_collation grant_role alter_default_privileges variable_show
    create_extension alter_extension_contents create_fdw alter_fdw create_foreign_server
    alter_foreign_server create_user_mapping alter_user_mapping drop_user_mapping create_am
    create_event_trig alter_event_trig create_plang create_role alter_role alter_role_set drop_role
    create_seq define create_domain create_op_class create_op_family alter_op_family sec_label
    close_portal fetch alter_stats create_function alter_function alter_object_depends alter_owner
    alter_operator alter_type notify listen unlisten composite_type create_enum create_range
    load alter_database alter_database_refresh_coll alter_database_set check_point
    constraints_set create_conversion create_cast create_transform deallocate
    alter_tsdictionary alter_tsconfiguration reassign_owned alter_table_space_options
    import_foreign_schema alter_subscription discard
    """.split()
)
_ALONE = {
    "createdb_stmt": "CREATE DATABASE",
    "create_table_space_stmt": "CREATE TABLESPACE",
    "drop_table_space_stmt": "DROP TABLESPACE",
    "create_subscription_stmt": "CREATE SUBSCRIPTION",
    "drop_subscription_stmt": "DROP SUBSCRIPTION",
    "alter_system_stmt": "ALTER SYSTEM",
}
_OPAQUE = {
    "alter_extension_stmt": "ALTER EXTENSION runs the extension's own script",
    "alter_table_move_all_stmt": "it writes all tables of a tablespace anew",
    "drop_owned_stmt": "DROP OWNED drops all that a role owns",
}
