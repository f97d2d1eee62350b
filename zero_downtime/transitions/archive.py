"""Keeping what is in a column before it is dropped: key and value, in a table beside its own."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.sweep import sweep
from zero_downtime.backfills.work import Work
from zero_downtime.errors import Refused
from zero_downtime.postgres import catalog, identifiers
from zero_downtime.postgres.comparisons import differ
from zero_downtime.postgres.identifiers import quote, quote_for_parameters


def archive_table(connection: BaseDatabaseWrapper, table: str, column: str) -> str:
    """Return the name of the table that keeps `column` of `table`, as Django would name it."""
    bare = table.strip('"').rpartition('"."')[2]
    parts = catalog.schema_of(connection, table), identifiers.fit(f"{bare}_{column}_archive")
    return ".".join('"{}"'.format(part.replace('"', '""')) for part in parts)


def keep(connection: BaseDatabaseWrapper, table: str, column: str) -> None:
    """Copy key and value of every row into the archive, batch by batch.

    It may be repeated: what changed meanwhile is brought up to date.
    Locks: ROW SHARE on the table; the rows of the archive, one batch at a time.

    Raises:
        Refused: the table has no key that the values could be found again by, or there is an
            archive of something else.
    """
    _create(connection, table, column)
    sweep(connection, KeepColumn(table, column))


def restore(connection: BaseDatabaseWrapper, table: str, column: str) -> None:
    """Write the values of the archive back into the column, if there is an archive.

    Rows that are not in it, because they are younger, keep what they have.
    Locks: the rows of one batch, for about `BATCH_TARGET_SECONDS`.
    """
    if catalog.table_exists(connection, archive_table(connection, table, column)):
        sweep(connection, RestoreColumn(table, column))


def drop(connection: BaseDatabaseWrapper, table: str, column: str) -> None:
    """Drop the archive, if there is one."""
    with connection.cursor() as cursor:
        name = quote(connection, archive_table(connection, table, column))
        cursor.execute(f"DROP TABLE IF EXISTS {name}")


class _ArchiveWork(Work):
    """Work between a table and the archive of one of its columns."""

    # Whoever writes the column while it is archived is noticed by the evidence of old code.
    leaves_new_rows = True

    def __init__(self, table: str, column: str) -> None:
        self.table = table
        self.column = column

    def names(self, connection: BaseDatabaseWrapper, key: Key) -> tuple[str, str, list[str]]:
        """Return archive, column and the columns of the key, quoted for parameters."""
        return (
            quote_for_parameters(connection, archive_table(connection, self.table, self.column)),
            quote_for_parameters(connection, self.column),
            [quote_for_parameters(connection, each.name) for each in key.columns],
        )


class KeepColumn(_ArchiveWork):
    """Copies a column, with the key, into its archive."""

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
        """Copy the rows of `keys`."""
        archive, column, key_columns = self.names(connection, key)
        condition, params = key.condition(keys)
        listed = ", ".join(key_columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {archive} ({listed}, {column}) "
                f"SELECT {listed}, {column} FROM {key.table} WHERE {condition} "
                f"ON CONFLICT ({listed}) DO UPDATE SET {column} = EXCLUDED.{column}",
                params,
            )


class RestoreColumn(_ArchiveWork):
    """Writes a column back from its archive."""

    def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
        """Write the rows of `keys` that the archive knows, unless they have the value already."""
        archive, column, key_columns = self.names(connection, key)
        condition, params = key.condition(keys)
        same_key = " AND ".join(f"archive.{each} = {key.table}.{each}" for each in key_columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {key.table} SET {column} = archive.{column} FROM {archive} AS archive "
                f"WHERE {condition} AND {same_key} "
                f"AND {differ(f'{key.table}.{column}', f'archive.{column}', exact=False)}",
                params,
            )


def _create(connection: BaseDatabaseWrapper, table: str, column: str) -> None:
    archive = archive_table(connection, table, column)
    key = Key.of(connection, table)
    kept = catalog.get_column(connection, table, column)
    assert kept is not None, f'table "{table}" has no column "{column}"'
    if column in [each.name for each in key.columns]:
        raise Refused(
            f'Column "{column}" is in the key of table "{table}", by which archived values would '
            "be found again. It cannot be archived."
        )
    there = catalog.get_column(connection, archive, column)
    if there is not None and there.type != kept.type:
        raise Refused(
            f"Table {archive} is an archive already, of another column: its values are of type "
            f"{there.type}, not {kept.type}. Rename it, or drop it if nobody needs it any more."
        )
    collation = "" if kept.collation is None else f" COLLATE {kept.collation}"
    definitions = [
        *(f"{quote(connection, each.name)} {each.type}" for each in key.columns),
        f"{quote(connection, column)} {kept.type}{collation}",
        f"PRIMARY KEY ({_listed(connection, [each.name for each in key.columns])})",
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {quote(connection, archive)} ({', '.join(definitions)})"
        )


def _listed(connection: BaseDatabaseWrapper, names: Sequence[str]) -> str:
    return ", ".join(quote(connection, name) for name in names)
