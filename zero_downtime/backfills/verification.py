"""Comparing the two sides of a copy, range by range, without blocking anybody."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills.keys import Key
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Backfill

ROWS_PER_RANGE = 20_000
EXAMPLES = 5


@dataclass
class Comparison:
    """How many rows were compared and how many differ, with the keys of the first of those."""

    rows: int = 0
    differing: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether no row differs."""
        return self.differing == 0

    def __str__(self) -> str:
        if self.equal:
            return f"{self.rows} rows compared, none differ"
        shown = ", ".join(self.examples)
        more = ", ..." if self.differing > len(self.examples) else ""
        return f"{self.differing} of {self.rows} rows differ (keys {shown}{more})"


def compare(connection: BaseDatabaseWrapper, copy: CopyColumn) -> Comparison:
    """Compare source and target of `copy` in every row.

    Each range is a statement of its own, so no snapshot is held for the length of the table.
    Locks: ACCESS SHARE.
    """
    key = Key.of(connection, copy.table)
    found = Comparison()
    after = None
    while keys := key.next_range(connection, after, ROWS_PER_RANGE):
        wanted = EXAMPLES - len(found.examples)
        differing, examples = copy.differing(connection, key, keys, wanted)
        found.rows += keys.rows
        found.differing += differing
        found.examples += examples
        after = keys.upto
    return found


def verify(connection: BaseDatabaseWrapper, backfill: Backfill, copy: CopyColumn) -> Comparison:
    """Compare, and record the result with the backfill."""
    comparison = compare(connection, copy)
    backfill.verified = comparison.equal
    backfill.save(using=connection.alias, update_fields=["verified"])
    return comparison
