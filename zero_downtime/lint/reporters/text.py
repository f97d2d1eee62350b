"""For people."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from textwrap import indent

from django.core.management.color import Style, no_style
from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import OperationWriter

from zero_downtime.lint.findings import Finding, Report, Severity
from zero_downtime.lint.remedies import Remedy
from zero_downtime.lint.reporters.places import Files

OURS = "zero_downtime.operations."


def render(report: Report, style: Style | None = None) -> str:
    """Return the findings, grouped by migration, and a last line that sums them up.

    `style` is that of the command, which knows whether colours are wanted.
    """
    text = _Text(style or no_style())
    groups = groupby(report.findings, key=lambda finding: (finding.app, finding.migration))
    return "\n".join(
        [text.migration(app, name, list(findings)) for (app, name), findings in groups]
        + [summary(report)]
    )


class _Text:
    def __init__(self, style: Style) -> None:
        self._style = style
        self._colours = {Severity.ERROR: style.ERROR, Severity.WARNING: style.WARNING}
        self._files = Files()
        self._shown: set[int] = set()
        """Operations for which it was said already what to write instead."""

    def migration(self, app: str, name: str, findings: list[Finding]) -> str:
        heading = self._style.MIGRATE_HEADING(f"{app}.{name}")
        return "\n".join([heading, *map(self._finding, findings), ""])

    def _finding(self, finding: Finding) -> str:
        lines = [self._title(finding)]
        lines += (f"    {line}" for line in self._excerpt(finding))
        lines += [f"    {finding.message}", f"    Instead: {finding.remedy}"]
        if finding.instead is not None and id(finding.subject) not in self._shown:
            self._shown.add(id(finding.subject))
            lines.append(indent(_as_code(finding.instead), " " * 8))
        if finding.hazards:
            lines.append(f"    Hazards: {', '.join(finding.hazards)}")
        return "\n".join(lines)

    def _title(self, finding: Finding) -> str:
        place = ":".join(str(part) for part in (finding.path, finding.line) if part)
        severity = self._colours[finding.severity](finding.severity)
        return f"  {place + ': ' if place else ''}{severity} {finding.rule} {finding.name}"

    def _excerpt(self, finding: Finding) -> Iterator[str]:
        """Yield the line of the finding, and carets under what is called there."""
        if finding.path is None or finding.line is None:
            return
        line = self._files.line(finding.path, finding.line)
        if line is None:
            return
        start, end = len(line) - len(line.lstrip()), len(line.rstrip())
        if finding.place and finding.place.line == finding.line:
            start, end = finding.place.column, finding.place.end_column
        before = "".join("\t" if character == "\t" else " " for character in line[:start])
        carets = self._colours[finding.severity]("^" * max(1, end - start))
        yield f"{finding.line} | {line.rstrip()}"
        yield f"{' ' * len(str(finding.line))} | {before}{carets}"


def summary(report: Report) -> str:
    """Return a line with the figures of the report."""
    counts = [
        _count(report.migrations, "migration") + " checked",
        _count(report.count(Severity.ERROR), "error"),
        _count(report.count(Severity.WARNING), "warning"),
    ]
    if report.suppressed:
        counts.append(f"{len(report.suppressed)} suppressed")
    if report.known:
        counts.append(f"{report.known} in the baseline")
    return ", ".join(counts)


def _as_code(remedy: Remedy) -> str:
    """Return what can be written instead, each stage in a migration of its own."""
    several = len(remedy.stages) > 1
    return "\n".join(
        line
        for stage in remedy.stages
        for line in [
            *([f"# {stage.suffix}, in a migration of its own"] if several else []),
            *(_written(operation) for operation in stage.operations),
        ]
    )


def _written(operation: Operation) -> str:
    code, _ = OperationWriter(operation, indentation=0).serialize()
    return code.replace(OURS, "zd.", 1)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
