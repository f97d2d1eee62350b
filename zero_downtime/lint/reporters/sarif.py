"""SARIF 2.1.0, which code scanning services and editors read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Any
from urllib.parse import quote

import zero_downtime
from zero_downtime.lint.findings import Finding, Report
from zero_downtime.lint.registry import get_rule
from zero_downtime.lint.reporters.places import path_in_repository, repository
from zero_downtime.lint.rule import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
DOCUMENTATION = "https://django-zero-downtime.readthedocs.io/en/latest/"
ROOT = "SRCROOT"
FINGERPRINT = "zeroDowntime/v1"


def render(report: Report) -> str:
    """Return the report as JSON, with the suppressed findings marked as such."""
    all_findings = [*report.findings, *(each.finding for each in report.suppressed)]
    rules = sorted({get_rule(each.rule) for each in all_findings}, key=lambda rule: rule.code)
    codes = [rule.code for rule in rules]
    results = [_result(finding, codes) for finding in all_findings]
    for result, each in zip(results[len(report.findings) :], report.suppressed, strict=True):
        result["suppressions"] = [{"kind": "inSource", "justification": each.reason}]
    run = {
        "tool": {
            "driver": {
                "name": "django-zero-downtime",
                "version": zero_downtime.__version__,
                "informationUri": DOCUMENTATION,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "originalUriBaseIds": {ROOT: {"uri": repository().as_uri().rstrip("/") + "/"}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    page = rule.page()
    description = {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": cleandoc(rule.__doc__ or rule.name).partition("\n")[0]},
        "help": {"text": page, "markdown": page},
        "properties": {"tags": [str(hazard) for hazard in rule.hazards]},
    }
    if type(rule).__module__.startswith(f"{zero_downtime.__name__}."):
        description["helpUri"] = f"{DOCUMENTATION}rules/{rule.code}.html"
    return description


def _result(finding: Finding, codes: Sequence[str]) -> dict[str, Any]:
    location: dict[str, Any] = {
        "logicalLocations": [
            {"fullyQualifiedName": f"{finding.app}.{finding.migration}", "kind": "module"}
        ]
    }
    if finding.path:
        location["physicalLocation"] = _physical_location(finding.path, finding)
    return {
        "ruleId": finding.rule,
        "ruleIndex": codes.index(finding.rule),
        "level": str(finding.severity),
        "message": {"text": f"{finding.message} Instead: {finding.remedy}"},
        "locations": [location],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
    }


def _physical_location(path: str, finding: Finding) -> dict[str, Any]:
    in_repository = path_in_repository(path)
    if Path(in_repository).is_absolute():
        location: dict[str, Any] = {"artifactLocation": {"uri": Path(in_repository).as_uri()}}
    else:
        location = {"artifactLocation": {"uri": quote(in_repository), "uriBaseId": ROOT}}
    if place := finding.place:
        location["region"] = {
            "startLine": place.line,
            "startColumn": place.column + 1,
            "endLine": place.end_line,
        }
    elif finding.line:
        location["region"] = {"startLine": finding.line}
    return location
