"""Indexes built and dropped without blocking writes, and told apart by what they are.

The same name is not the same index: it may stand in another schema, on another table, have
another definition, or be the INVALID remains of a build that failed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Index, Model

from zero_downtime.errors import Refused
from zero_downtime.postgres import catalog
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.locks import patiently, retry_lock_failures

# Everything of an index but its name and its table.
Definition = tuple[Any, ...]

PROBE_TABLE = "zero_downtime_index_probe"


@dataclass(frozen=True)
class FoundIndex:
    """A relation that bears the name of an index, in the schema of its table."""

    oid: int
    schema: str
    name: str
    on_this_table: bool
    valid: bool
    builder_pid: int | None

    def qualified_name(self, connection: BaseDatabaseWrapper) -> str:
        """Return the name as it has to stand in SQL, whatever the `search_path`."""
        return f"{quote(connection, self.schema)}.{quote(connection, self.name)}"


def find_index(connection: BaseDatabaseWrapper, table: str, name: str) -> FoundIndex | None:
    """Return whatever relation bears the name `name` in the schema of `table`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT relation.oid, nspname, relation.relname,
                   coalesce(indrelid = to_regclass(%s), false), coalesce(indisvalid, false),
                   (SELECT pid FROM pg_stat_progress_create_index
                    WHERE index_relid = relation.oid LIMIT 1)
            FROM pg_class AS relation
            JOIN pg_namespace ON pg_namespace.oid = relation.relnamespace
            LEFT JOIN pg_index ON indexrelid = relation.oid
            WHERE nspname = %s AND relation.relname = %s
            """,
            [quote(connection, table), catalog.schema_of(connection, table), name],
        )
        row = cursor.fetchone()
    return FoundIndex(*row) if row else None


def definition_of(connection: BaseDatabaseWrapper, oid: int) -> Definition:
    """Return all that makes an index what it is, comparable between two tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT amname, indisunique, to_jsonb(pg_index) ->> 'indnullsnotdistinct',
                   indnkeyatts, indclass::text, indcollation::text, indoption::text,
                   ARRAY (SELECT pg_get_indexdef(indexrelid, position, false)
                          FROM generate_series(1, indnatts) AS position ORDER BY position),
                   pg_get_expr(indpred, indrelid), reloptions
            FROM pg_index
            JOIN pg_class ON pg_class.oid = indexrelid
            JOIN pg_am ON pg_am.oid = relam
            WHERE indexrelid = %s
            """,
            [oid],
        )
        definition: Definition = cursor.fetchone()
    return definition


def wanted_definition(
    schema_editor: BaseDatabaseSchemaEditor, model: type[Model], index: Index
) -> Definition:
    """Return the definition that `index` would have, by asking the server.

    It is built on an empty temporary copy of the table, in a transaction that is undone.
    Locks: ACCESS SHARE on the table, for a moment.
    """
    connection = schema_editor.connection
    table = model._meta.db_table
    statement: Any = index.create_sql(model, schema_editor)
    statement.rename_table_references(table, PROBE_TABLE)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {PROBE_TABLE} (LIKE {quote(connection, table)})")
        cursor.execute(str(statement))
        cursor.execute(
            "SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass(%s)",
            [f"pg_temp.{PROBE_TABLE}"],
        )
        definition = definition_of(connection, cursor.fetchone()[0])
        transaction.set_rollback(True, using=connection.alias)
    return definition


def create_concurrently(
    schema_editor: BaseDatabaseSchemaEditor, model: type[Model], index: Index
) -> None:
    """Build `index`, unless it is there already; replace the INVALID remains of a failed build.

    Whatever happens, no INVALID index is left behind, unless the connection is lost.
    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass.

    Raises:
        Refused: the name belongs to something else, or somebody is building the index now.
    """
    build_concurrently(
        schema_editor,
        model._meta.db_table,
        index.name,
        str(index.create_sql(model, schema_editor, concurrently=True)),
        lambda: wanted_definition(schema_editor, model, index),
    )


def build_concurrently(
    schema_editor: BaseDatabaseSchemaEditor,
    table: str,
    name: str,
    sql: str,
    wanted: Callable[[], Definition],
) -> None:
    """Run `sql`, which builds index `name` of `table` concurrently; see `create_concurrently`.

    Args:
        wanted: asked for the definition that the index should have, if one is there already.
    """
    connection = schema_editor.connection
    if schema_editor.collect_sql:
        schema_editor.execute(sql, params=None)
        return

    def attempt() -> None:
        found = find_index(connection, table, name)
        if found is not None and found.valid:
            _require_same(connection, table, found, wanted())
            return
        if found is not None:
            _drop_remains(schema_editor, table, found)
        try:
            patiently(schema_editor, table, sql)
        except BaseException:
            _drop_own_remains(schema_editor, table, name)
            raise

    retry_lock_failures(connection, attempt, table)


def drop_concurrently(schema_editor: BaseDatabaseSchemaEditor, table: str, name: str) -> None:
    """Drop index `name` of `table`, unless it is gone already.

    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass.

    Raises:
        Refused: the name belongs to something that is no index of this table.
    """
    connection = schema_editor.connection
    if schema_editor.collect_sql:
        schema_editor.execute(f"DROP INDEX CONCURRENTLY {quote(connection, name)}", params=None)
        return

    def attempt() -> None:
        found = find_index(connection, table, name)
        if found is not None:
            _require_on_table(table, found)
            _drop(schema_editor, table, found)

    retry_lock_failures(connection, attempt, table)


def _drop(schema_editor: BaseDatabaseSchemaEditor, table: str, found: FoundIndex) -> None:
    name = found.qualified_name(schema_editor.connection)
    patiently(schema_editor, table, f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _drop_remains(schema_editor: BaseDatabaseSchemaEditor, table: str, found: FoundIndex) -> None:
    _require_on_table(table, found)
    if found.builder_pid is not None:
        raise Refused(
            f'Index "{found.name}" on table "{table}" is being built by another session '
            f"(pid {found.builder_pid}). Run the same command again when it has finished."
        )
    _drop(schema_editor, table, found)


def _drop_own_remains(schema_editor: BaseDatabaseSchemaEditor, table: str, name: str) -> None:
    """After a failed build: leave no INVALID index, if the connection still lives."""
    if not schema_editor.connection.is_usable():
        return
    found = find_index(schema_editor.connection, table, name)
    if found is not None and found.on_this_table and not found.valid:
        _drop(schema_editor, table, found)


def _require_on_table(table: str, found: FoundIndex) -> None:
    if not found.on_this_table:
        raise Refused(
            f'"{found.schema}"."{found.name}" exists, but is no index of table "{table}". '
            "Give the index another name."
        )


def _require_same(
    connection: BaseDatabaseWrapper, table: str, found: FoundIndex, wanted: Definition
) -> None:
    _require_on_table(table, found)
    if definition_of(connection, found.oid) != wanted:
        raise Refused(
            f'Table "{table}" has an index "{found.name}" with another definition. Drop that one '
            "with RemoveIndexConcurrently first, or give the new one another name."
        )
