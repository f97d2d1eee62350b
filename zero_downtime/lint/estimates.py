"""What the sizes of tables make of findings: how long, or not worth a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from zero_downtime.lint.findings import Finding, Hazard, Severity
from zero_downtime.lint.sizes import Sizes
from zero_downtime.postgres.statements import (
    AddCheck,
    AddColumn,
    AddForeignKey,
    AddUnique,
    AlterColumnType,
    CreateIndex,
    Heavy,
    SetNotNull,
    Statement,
    ValidateConstraint,
    WriteRows,
)

OF_SIZE = {Hazard.BLOCKS_READS, Hazard.BLOCKS_WRITES, Hazard.LONG_TRANSACTION}
"""Hazards that a small table does not have."""

# Rows a second, of 140 bytes, that a PostgreSQL 18 on two cores was seen to do: an order of
# magnitude for any other, which is what an estimate before the fact can be.
_LOOKED_AT = 7_000_000
_RATES: dict[type[Statement], int] = {
    SetNotNull: _LOOKED_AT,
    AddCheck: _LOOKED_AT,
    ValidateConstraint: _LOOKED_AT,
    AddForeignKey: 4_000_000,
    CreateIndex: 1_000_000,
    AddUnique: 1_000_000,
    AlterColumnType: 180_000,
    AddColumn: 180_000,
    Heavy: 180_000,
    WriteRows: 50_000,
}


def seconds_of(kind: type[Statement], rows: int) -> float:
    """Return about how many seconds a statement takes that goes through so many rows."""
    return rows / _RATES.get(kind, _LOOKED_AT)


def with_sizes(findings: Iterable[Finding], sizes: Sizes, small: int) -> Iterator[Finding]:
    """Yield the findings with estimates; leave out what is nothing on a table of `small` rows.

    Tables whose size is not known are taken to be large.
    """
    for finding in findings:
        # What takes long decides; others may have to wait for it, however small they are.
        tables = {table for _, table in finding.work} or set(finding.tables)
        if tables and all(sizes.rows.get(table, small) < small for table in tables):
            if others := tuple(each for each in finding.hazards if each not in OF_SIZE):
                yield replace(finding, hazards=others, severity=_severity(finding, others))
        else:
            yield replace(finding, message=finding.message + _estimate(finding, sizes))


def _severity(finding: Finding, hazards: tuple[Hazard, ...]) -> Severity:
    """Return how bad it is without the hazards of a large table."""
    certain = Hazard.BREAKS_OLD_CODE in hazards and not finding.only_if_written
    return finding.severity if certain else Severity.WARNING


def _estimate(finding: Finding, sizes: Sizes) -> str:
    """Say how long it takes, with a space before it; nothing if that is not known."""
    work = [
        (table, seconds_of(kind, sizes.rows[table]))
        for kind, table in finding.work
        if table in sizes.rows
    ]
    if not work:
        return ""
    rows = sum(sizes.rows[table] for table in {table for table, _ in work})
    return f" About {duration(sum(each for _, each in work))} of {_what(finding)} on {many(rows)}."


def _what(finding: Finding) -> str:
    if Hazard.BLOCKS_READS in finding.hazards:
        return "blocked reads and writes"
    if Hazard.BLOCKS_WRITES in finding.hazards:
        return "blocked writes"
    return "one transaction"


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.0f} h"


def many(rows: int) -> str:
    """Return a number of rows as people say it."""
    for unit, letter in ((1_000_000, "M"), (1_000, "k")):
        if rows >= 10 * unit:
            return f"{rows // unit} {letter} rows"
    return f"{rows} rows"
