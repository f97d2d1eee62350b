"""The Code Quality report of GitLab."""

from __future__ import annotations

import json
from typing import Any

from zero_downtime.lint.findings import Finding, Report, Severity
from zero_downtime.lint.reporters.places import path_in_repository

# GitLab's words, from `info` to `blocker`.
_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor"}


def render(report: Report) -> str:
    """Return the report as JSON for `artifacts:reports:codequality`."""
    return json.dumps([_issue(finding) for finding in report.findings], indent=2)


def _issue(finding: Finding) -> dict[str, Any]:
    migration = f"{finding.app}.{finding.migration}"
    return {
        "description": f"{finding.message} Instead: {finding.remedy}",
        "check_name": f"{finding.rule} {finding.name}",
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            # A path and a line are required, and nearly always there.
            "path": path_in_repository(finding.path) if finding.path else migration,
            "lines": {"begin": finding.line or 1},
        },
    }
