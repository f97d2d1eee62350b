"""Indexes built and dropped without blocking writes, and told apart by what they are.

The same name is not the same index: it may stand in another schema, on another table, have
another definition, or be the INVALID remains of a build that failed.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.errors import Refused
from zero_downtime.postgres import catalog, identifiers
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.locks import briefly, patiently, retry_lock_failures
from zero_downtime.postgres.shapes import IndexShape, read_shape


@dataclass(frozen=True)
class FoundIndex:
    """A relation that bears the name of an index, in the schema of its table."""

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
            SELECT nspname, relation.relname,
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


def build_concurrently(
    schema_editor: BaseDatabaseSchemaEditor,
    table: str,
    name: str,
    index: IndexShape,
    written_as: str | None = None,
) -> None:
    """Build `index`, unless it is there already; replace the INVALID remains of a failed build.

    A build that fails leaves no INVALID index behind, unless the connection is lost or somebody
    goes on using the table for so long that it cannot be dropped; the next run replaces it. On a
    partitioned table an index is built on each partition and then attached to the parent's.
    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass; on the parent
    of partitions SHARE, for an instant.

    Args:
        written_as: a CREATE INDEX CONCURRENTLY to use instead of one made of `index`, unless the
            table is partitioned.

    Raises:
        Refused: the name belongs to something else, or somebody is building the index now.
    """
    name = identifiers.fit(name)
    if not schema_editor.collect_sql:
        partitions = catalog.partitions_of(schema_editor.connection, table)
        if partitions is not None:
            _build_on_partitions(schema_editor, table, name, index, partitions)
            return
    sql = written_as or _create_index(
        schema_editor.connection, table, name, index, how="CONCURRENTLY "
    )
    _build_on_table(schema_editor, table, name, index, sql)


def _build_on_table(
    schema_editor: BaseDatabaseSchemaEditor, table: str, name: str, index: IndexShape, sql: str
) -> None:
    connection = schema_editor.connection
    if schema_editor.collect_sql:
        schema_editor.execute(sql, params=None)
        return

    def attempt() -> None:
        found = find_index(connection, table, name)
        if found is not None and found.valid:
            _require_same(connection, table, found, index)
            return
        if found is not None:
            _drop_remains(schema_editor, table, found)
        try:
            patiently(schema_editor, table, sql)
        except BaseException:
            _drop_own_remains(schema_editor, table, name)
            raise

    retry_lock_failures(connection, attempt, {table: None}, waits_for_snapshots=True)


def _build_on_partitions(
    schema_editor: BaseDatabaseSchemaEditor,
    table: str,
    name: str,
    index: IndexShape,
    partitions: list[str],
) -> None:
    """The parent's index stays INVALID, and is harmless, until every partition's is attached."""
    connection = schema_editor.connection
    found = find_index(connection, table, name)
    if found is None:
        sql = _create_index(connection, table, name, index, only="ONLY ")
        _run_briefly(schema_editor, table, sql, Lock.SHARE)
        found = find_index(connection, table, name)
        assert found is not None
    else:
        _require_same(connection, table, found, index)
    attached = catalog.index_partitions(connection, found.qualified_name(connection))
    for partition in partitions:
        if partition in attached:
            continue
        child_name = partition_object_name(partition, name)
        build_concurrently(schema_editor, partition, child_name, index)
        child = find_index(connection, partition, child_name)
        assert child is not None
        _run_briefly(
            schema_editor,
            table,
            f"ALTER INDEX {found.qualified_name(connection)} "
            f"ATTACH PARTITION {child.qualified_name(connection)}",
            Lock.ACCESS_SHARE,
        )


def _run_briefly(
    schema_editor: BaseDatabaseSchemaEditor, table: str, sql: str, wanted: Lock
) -> None:
    briefly(schema_editor, table, lambda: schema_editor.execute(sql, params=None), wanted=wanted)


def partition_object_name(partition: str, name: str) -> str:
    """Return the name that an index or constraint `name` of a parent has on `partition`."""
    return identifiers.fit(f"{name}_{identifiers.digest(partition)}")


def _create_index(
    connection: BaseDatabaseWrapper,
    table: str,
    name: str,
    index: IndexShape,
    how: str = "",
    only: str = "",
) -> str:
    return (
        f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {how}{quote(connection, name)} "
        f"ON {only}{quote(connection, table)} USING {index.body}"
    )


def drop_concurrently(schema_editor: BaseDatabaseSchemaEditor, table: str, name: str) -> None:
    """Drop index `name` of `table`, unless it is gone already.

    Locks: SHARE UPDATE EXCLUSIVE on the table, which lets reads and writes pass. The index of a
    partitioned table cannot be dropped like that: ACCESS EXCLUSIVE, for an instant.

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

    retry_lock_failures(connection, attempt, {table: None})


def _drop(schema_editor: BaseDatabaseSchemaEditor, table: str, found: FoundIndex) -> None:
    name = found.qualified_name(schema_editor.connection)
    if catalog.partitions_of(schema_editor.connection, table) is None:
        patiently(schema_editor, table, f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    else:
        _run_briefly(schema_editor, table, f"DROP INDEX IF EXISTS {name}", Lock.ACCESS_EXCLUSIVE)


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
    connection: BaseDatabaseWrapper, table: str, found: FoundIndex, wanted: IndexShape
) -> None:
    _require_on_table(table, found)
    there = read_shape(connection, table).indexes.get(found.name)
    if there is None or (there.unique, there.body) != (wanted.unique, wanted.body):
        raise Refused(
            f'Table "{table}" has an index "{found.name}" with another definition. Drop that one '
            "with RemoveIndexConcurrently first, or give the new one another name."
        )
