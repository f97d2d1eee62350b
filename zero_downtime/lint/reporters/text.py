"""For people."""

from __future__ import annotations

from itertools import groupby

from zero_downtime.lint.findings import Finding, Report, Severity


def render(report: Report) -> str:
    """Return the findings, grouped by migration, and a last line that sums them up."""
    groups = groupby(report.findings, key=lambda finding: (finding.app, finding.migration))
    return "\n".join(
        [_migration(app, name, list(findings)) for (app, name), findings in groups]
        + [_summary(report)]
    )


def _migration(app: str, name: str, findings: list[Finding]) -> str:
    return "\n".join([f"{app}.{name}", *map(_finding, findings), ""])


def _finding(finding: Finding) -> str:
    place = f"{finding.path}:{finding.line}: " if finding.path else ""
    return (
        f"  {place}{finding.severity} {finding.rule} {finding.name}\n"
        f"    {finding.message}\n"
        f"    Instead: {finding.remedy}\n"
        f"    Hazards: {', '.join(finding.hazards)}"
    )


def _summary(report: Report) -> str:
    counts = [
        _count(report.migrations, "migration") + " checked",
        _count(report.count(Severity.ERROR), "error"),
        _count(report.count(Severity.WARNING), "warning"),
    ]
    if report.suppressed:
        counts.append(f"{len(report.suppressed)} suppressed")
    return ", ".join(counts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
