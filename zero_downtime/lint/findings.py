"""What the linter says: a rule met an operation of a migration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from django.db.migrations.operations.base import Operation

from zero_downtime.lint.remedies import Remedy
from zero_downtime.lint.source import Place
from zero_downtime.postgres.statements import Statement

JSON_VERSION = 1
_NOT_IN_JSON = {"json": False}


class Hazard(StrEnum):
    """One way a migration can hurt."""

    BLOCKS_READS = "blocks-reads"
    BLOCKS_WRITES = "blocks-writes"
    BREAKS_OLD_CODE = "breaks-old-code"
    MAY_FAIL = "may-fail"
    LOSES_DATA = "loses-data"
    LONG_TRANSACTION = "long-transaction"
    IRREVERSIBLE = "irreversible"


class Severity(StrEnum):
    """Error: users notice on a big, busy table. Warning: it depends on size or data."""

    ERROR = "error"
    WARNING = "warning"


THRESHOLDS = {"error": Severity.ERROR, "warning": Severity.WARNING, "never": None}
"""What a person may call the severity from which on a report fails."""


@dataclass(frozen=True)
class Finding:
    """One finding, with the very fields (and their order) of the JSON report first."""

    rule: str
    name: str
    severity: Severity
    hazards: tuple[Hazard, ...]
    app: str
    migration: str
    operation: int | None
    """Index in `Migration.operations` (of the outermost one, when nested); None: all of it."""
    path: str | None
    """Relative to the current directory when below it; None before the file is written."""
    line: int | None
    tables: tuple[str, ...]
    message: str
    remedy: str
    fixable: bool
    docs: str
    place: Place | None = field(default=None, compare=False, repr=False, metadata=_NOT_IN_JSON)
    """Where on the line, and to which, if that can be told."""
    instead: Remedy | None = field(default=None, compare=False, metadata=_NOT_IN_JSON)
    """What can be written instead, if it needs no thinking about."""
    work: tuple[tuple[type[Statement], str], ...] = field(default=(), metadata=_NOT_IN_JSON)
    """What takes long, and on which tables."""
    only_if_written: bool = field(default=False, metadata=_NOT_IN_JSON)
    """What breaks running code is not certain to be in it: values that are forbidden now."""
    fingerprint: str = field(default="", metadata=_NOT_IN_JSON)
    """By which it is known again, see `fingerprints`; empty until somebody has to know it."""
    subject: Operation | None = field(
        default=None, compare=False, repr=False, metadata=_NOT_IN_JSON
    )
    """The very operation, which may be nested; None if it is about all of the migration."""

    def as_json(self) -> dict[str, Any]:
        return {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if each.metadata.get("json", True)
        }


@dataclass(frozen=True)
class Suppressed:
    """A finding that is not reported, because the author of the migration said why."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Report:
    """All findings about a number of migrations."""

    findings: tuple[Finding, ...]
    migrations: int
    """How many migrations were judged."""
    suppressed: tuple[Suppressed, ...] = ()
    known: int = 0
    """How many findings are in the baseline, and therefore not here."""
    outdated: frozenset[str] = frozenset()
    """Fingerprints that are in the baseline, and of nothing that is found any more."""

    def __add__(self, other: Report) -> Report:
        return Report(
            self.findings + other.findings,
            self.migrations + other.migrations,
            self.suppressed + other.suppressed,
            self.known + other.known,
            self.outdated | other.outdated,
        )

    def count(self, severity: Severity) -> int:
        return sum(finding.severity is severity for finding in self.findings)

    def fails(self, threshold: Severity | None) -> bool:
        """Tell whether a finding is as severe as `threshold`; None means never."""
        if threshold is None:
            return False
        return bool(self.count(Severity.ERROR)) or (
            threshold is Severity.WARNING and bool(self.findings)
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "version": JSON_VERSION,
            "findings": [finding.as_json() for finding in self.findings],
            "summary": {
                "migrations": self.migrations,
                "errors": self.count(Severity.ERROR),
                "warnings": self.count(Severity.WARNING),
            },
        }


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that users would notice."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]
