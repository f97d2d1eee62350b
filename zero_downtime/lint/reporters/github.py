"""Annotations of the lines of a pull request, by the workflow commands of GitHub Actions."""

from __future__ import annotations

from zero_downtime.lint.findings import Finding, Report
from zero_downtime.lint.reporters.places import path_in_repository


def render(report: Report) -> str:
    """Return a workflow command for each finding."""
    return "\n".join(map(_command, report.findings))


def _command(finding: Finding) -> str:
    properties = {
        "file": finding.path and path_in_repository(finding.path),
        "line": finding.line,
        "endLine": finding.place.end_line if finding.place else finding.line,
        "title": f"{finding.rule} {finding.name}",
    }
    given = ",".join(
        f"{name}={_escaped_property(str(value))}" for name, value in properties.items() if value
    )
    message = f"{finding.app}.{finding.migration}: {finding.message}\nInstead: {finding.remedy}"
    return f"::{finding.severity} {given}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
