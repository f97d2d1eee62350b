"""What a CONCURRENTLY statement has left that may or may not have come to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres.catalog import TABLE_AND_PARTITIONS
from zero_downtime.postgres.locks import concurrent_limits
from zero_downtime.postgres.words import words_of

_DETACH = ["DETACH", "PARTITION", "CONCURRENTLY"]


@dataclass(frozen=True)
class IndexStatement:
    """A CREATE or a DROP INDEX CONCURRENTLY.

    Names are as they stand in the statement, quoted or not, with a schema or without.
    """

    name: str
    table: str = ""
    """Which gets the index; empty for one that is dropped."""


def index_statement(sql: Any) -> IndexStatement | None:
    """Return what `sql` does to which index; None if it is something else, or leaves it unnamed."""
    words = list(words_of(str(sql)))
    verb = [*takewhile(lambda word: word != "CONCURRENTLY", map(str.upper, words))]
    name, rest = _name(_without(words[len(verb) + 1 :], "IF NOT EXISTS", "IF EXISTS"))
    if verb == ["DROP", "INDEX"]:
        return IndexStatement(name)
    if verb in (["CREATE", "INDEX"], ["CREATE", "UNIQUE", "INDEX"]) and name.upper() != "ON":
        table, _ = _name(_without(rest[1:], "ONLY"))
        return IndexStatement(name, table)
    return None


def _name(words: list[str]) -> tuple[str, list[str]]:
    """Return the name at the beginning, of one part or of two, and what comes behind it."""
    parts = 3 if words[1:2] == ["."] else 1
    return "".join(words[:parts]), words[parts:]


def _without(words: list[str], *optional: str) -> list[str]:
    """Return the words behind those at the beginning that may be there, in this order."""
    for each in optional:
        if words and " ".join(words[0].upper().split()) == each:
            words = words[1:]
    return words


def detached_partition(sql: Any) -> tuple[str, str] | None:
    """Return table and partition, if `sql` is a DETACH PARTITION CONCURRENTLY."""
    words = list(words_of(str(sql)))
    if [*map(str.upper, words[:2])] != ["ALTER", "TABLE"]:
        return None
    table, rest = _name(_without(words[2:], "IF EXISTS", "ONLY"))
    partition, rest_behind = _name(rest[2:])
    if [*map(str.upper, rest[:2]), *map(str.upper, rest_behind[:1])] != _DETACH:
        return None
    return table, partition


def indexed_without_name(sql: Any) -> str | None:
    """Return what `sql` indexes under names of PostgreSQL's choice: a table, or an index of it.

    That is done by REINDEX, and by CREATE INDEX without a name.
    """
    words = list(words_of(str(sql)))
    upper = [*map(str.upper, words)]
    if upper[:1] == ["REINDEX"]:
        kind = next((place for place, word in enumerate(upper) if word in ("INDEX", "TABLE")), None)
        rest = [] if kind is None else _without(words[kind + 1 :], "CONCURRENTLY")
    elif upper[:1] == ["CREATE"] and "ON" in upper and index_statement(sql) is None:
        rest = _without(words[upper.index("ON") + 1 :], "ONLY")
    else:
        return None
    return _name(rest)[0] or None


def invalid_indexes(connection: BaseDatabaseWrapper, sql: Any) -> list[str]:
    """Return the oids of those that are there, of a table on which `sql` may leave others."""
    statement = index_statement(sql)
    relation = statement.table if statement else indexed_without_name(sql)
    return [oid for oid, _, _ in _invalid(connection, relation)] if relation else []


def clear_up(connection: BaseDatabaseWrapper, sql: Any, others: Sequence[str] = ()) -> bool:
    """Finish or take away what an earlier try at `sql` has left.

    A partition that is half detached is detached, INVALID indexes are dropped.

    Args:
        others: what `invalid_indexes` returned before that try.

    Returns:
        Whether nothing is left to do.
    """
    relation = indexed_without_name(sql)
    if relation is not None:
        _drop_invalid(connection, relation, others)
        return False
    detached = detached_partition(sql)
    if detached is not None:
        return _finish_detaching(connection, *detached)
    statement = index_statement(sql)
    if statement is None:
        return False
    found = _find(connection, statement)
    if not statement.table:
        return found is None
    if found is None:
        return False
    name, is_valid = found
    if not is_valid:
        _execute(connection, f"DROP INDEX CONCURRENTLY {name}")
    return is_valid


def _finish_detaching(connection: BaseDatabaseWrapper, table: str, partition: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhdetachpending FROM pg_inherits "
            "WHERE inhparent = to_regclass(%s) AND inhrelid = to_regclass(%s)",
            [table, partition],
        )
        is_pending: tuple[bool] | None = cursor.fetchone()
    if is_pending == (True,):
        _execute(connection, f"ALTER TABLE {table} DETACH PARTITION {partition} FINALIZE")
    return is_pending != (False,)


def _drop_invalid(connection: BaseDatabaseWrapper, relation: str, others: Sequence[str]) -> None:
    """Drop the invalid indexes, except the `others`."""
    tables = {table for oid, _, table in _invalid(connection, relation) if oid not in others}
    if not tables:
        return
    with concurrent_limits(connection), transaction.atomic(using=connection.alias):
        with connection.cursor() as cursor:
            # Someone may be building one by hand, which is invalid for as long.
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN SHARE UPDATE EXCLUSIVE MODE")
            # They give up that lock just before they commit that it is valid.
            cursor.execute(
                "SELECT indexrelid::text FROM pg_index JOIN pg_locks "
                "ON locktype = 'transactionid' AND transactionid = pg_index.xmax"
            )
            being_finished = {oid for (oid,) in cursor.fetchall()}
        invalid = _invalid(connection, relation)
    for oid, index, _ in invalid:
        if oid not in others and oid not in being_finished:
            _execute(connection, f"DROP INDEX CONCURRENTLY {index}")


def _invalid(connection: BaseDatabaseWrapper, relation: str) -> list[tuple[str, str, str]]:
    """Return oid, name and table of each invalid index of a table, or of an index's table.

    Those of its partitions are among them. That of a partitioned table is not: it is invalid
    until all of its partitions have theirs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH {TABLE_AND_PARTITIONS}
            SELECT indexrelid::text, indexrelid::regclass::text, indrelid::regclass::text
            FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE NOT indisvalid AND relkind = 'i' AND indrelid IN (
                TABLE tables
                UNION SELECT indrelid FROM pg_index JOIN tables ON tables.oid = indexrelid
            )
            """,
            {"table": relation},
        )
        found: list[tuple[str, str, str]] = cursor.fetchall()
    return found


def _find(connection: BaseDatabaseWrapper, statement: IndexStatement) -> tuple[str, bool] | None:
    """Return the name of the index, ready for SQL, and whether it is valid; None without one.

    One that is created is in the schema of its table, which need not be where a name leads to.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT indexrelid::regclass::text, indisvalid
            FROM pg_index JOIN pg_class ON oid = indexrelid
            WHERE CASE WHEN %(table)s = '' THEN indexrelid = to_regclass(%(name)s)
                  ELSE indrelid = to_regclass(nullif(%(table)s, ''))
                      AND relname = (parse_ident(%(name)s))[1]::name END
            """,
            {"name": statement.name, "table": statement.table},
        )
        found: tuple[str, bool] | None = cursor.fetchone()
    return found


def _execute(connection: BaseDatabaseWrapper, statement: str) -> None:
    """Execute a statement that makes nobody wait, and that is no part of the migration."""
    with concurrent_limits(connection), connection.cursor() as cursor:
        cursor.execute(statement)
