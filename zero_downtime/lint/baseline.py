"""The findings that a project had when it began to use the linter."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from django.core.management.base import CommandError

from zero_downtime.lint.findings import Report

VERSION = 1


@dataclass(frozen=True)
class Entry:
    """One finding that is known. All but its fingerprint is for those who read the file."""

    rule: str
    app: str
    migration: str
    fingerprint: str


def _order(entry: Entry) -> tuple[str, ...]:
    return entry.app, entry.migration, entry.rule, entry.fingerprint


@dataclass(frozen=True)
class Baseline:
    """What is in the file."""

    entries: tuple[Entry, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read the file; raise CommandError with exit code 2 if there is none, or another one."""
        try:
            document = json.loads(path.read_text("utf-8"))
            return cls(tuple(Entry(**each) for each in document["findings"]))
        except FileNotFoundError:
            raise CommandError(
                f"There is no baseline {str(path)!r}. Write it: "
                f"manage.py lintmigrations --baseline {path} --update-baseline",
                returncode=2,
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"{str(path)!r} is no baseline ({type(error).__name__}: {error}). "
                "Delete it, and write it anew with --update-baseline.",
                returncode=2,
            ) from error

    def write(self, path: Path) -> None:
        """Write the file, in an order that makes for small differences."""
        entries = sorted(self.entries, key=_order)
        document = {"version": VERSION, "findings": [asdict(entry) for entry in entries]}
        path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")

    def compared(self, report: Report, could_be_found: Callable[[Entry], bool]) -> Report:
        """Return the report without what is known, but with what is known and not found.

        `could_be_found` tells whether the report would have the finding of an entry.
        """
        known = {entry.fingerprint for entry in self.entries}
        found = {finding.fingerprint for finding in report.findings}
        return replace(
            report,
            findings=tuple(each for each in report.findings if each.fingerprint not in known),
            known=len(known & found),
            outdated=frozenset(
                entry.fingerprint
                for entry in self.entries
                if entry.fingerprint not in found and could_be_found(entry)
            ),
        )

    def updated(self, report: Report) -> Baseline:
        """Return the baseline that knows all that the report has, and the outdated no more."""
        known = [entry for entry in self.entries if entry.fingerprint not in report.outdated]
        new = [
            Entry(each.rule, each.app, each.migration, each.fingerprint) for each in report.findings
        ]
        return Baseline((*known, *new))
