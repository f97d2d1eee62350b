"""How PostgreSQL would read and write rows: plans, and updates that need no index entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres.catalog import TABLE_AND_PARTITIONS, explain
from zero_downtime.postgres.identifiers import quote

# The words of EXPLAIN for reading a table from its beginning to its end, and some pages of it.
READS_WHOLE_TABLE = "Seq Scan"
READS_PLACES = "Tid Range Scan"


@dataclass(frozen=True)
class Scan:
    """One way in which a statement reads rows: by an index, or without."""

    kind: str
    relation: str | None
    index: str | None


def scans_of(connection: BaseDatabaseWrapper, statement: str, params: Sequence[Any]) -> list[Scan]:
    """Return how PostgreSQL would read the rows of `statement`, which is not run."""
    return list(_scans_in(explain(connection, statement, params)))


def _scans_in(node: dict[str, Any]) -> Iterator[Scan]:
    kind = node["Node Type"]
    if kind.endswith("Scan") and ("Relation Name" in node or "Index Name" in node):
        yield Scan(kind, node.get("Relation Name"), node.get("Index Name"))
    for child in node.get("Plans", []):
        yield from _scans_in(child)


def relation_names(connection: BaseDatabaseWrapper, table: str) -> set[str]:
    """Return the names, without schemas, of `table`, its partitions and all their indexes."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {TABLE_AND_PARTITIONS} SELECT relname FROM pg_class WHERE oid IN ("
            "SELECT oid FROM tables UNION "
            "SELECT indexrelid FROM tables JOIN pg_index ON indrelid = tables.oid)",
            {"table": quote(connection, table)},
        )
        return {name for (name,) in cursor.fetchall()}


@dataclass(frozen=True)
class Updates:
    """How many rows were updated, and how many of them *heap-only*.

    A heap-only update finds room in the row's own page and changes no indexed column: it writes
    no index entry, and its dead row is cleaned up in passing.
    """

    rows: int
    heap_only: int

    def __sub__(self, earlier: Updates) -> Updates:
        return Updates(self.rows - earlier.rows, self.heap_only - earlier.heap_only)


def updates_of_this_session(connection: BaseDatabaseWrapper, table: str) -> Updates:
    """Return what this session has updated in `table` and its partitions.

    A session hands its counts over to the server now and then and begins again, but never in the
    middle of a transaction: only the difference between two counts in one transaction is sound.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {TABLE_AND_PARTITIONS} "
            "SELECT coalesce(sum(pg_stat_get_xact_tuples_updated(oid)), 0)::bigint, "
            "coalesce(sum(pg_stat_get_xact_tuples_hot_updated(oid)), 0)::bigint FROM tables",
            {"table": quote(connection, table)},
        )
        return Updates(*cursor.fetchone())
