"""SARIF, as its schema has it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.lint.reporters.samples import FINDING, report_in_repository
from tests.lint.suppressing import ADD_INDEX
from zero_downtime.lint.findings import Report, Severity
from zero_downtime.lint.registry import all_rules
from zero_downtime.lint.reporters.sarif import render

SCHEMA = Path(__file__).parents[1] / "schemas" / "sarif-2.1.0.json"
SUPPRESSED = "# zero-downtime: ignore[ZD101] the table has 40 rows" + ADD_INDEX


def run(report: Report) -> dict[str, Any]:
    """Return the one run of the report, which is valid."""
    document = json.loads(render(report))
    schema = json.loads(SCHEMA.read_text("utf-8"))
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    jsonschema.Draft4Validator(schema, format_checker=checker).validate(document)
    [only] = document["runs"]
    assert isinstance(only, dict)
    return only


def test_a_result_has_a_place_relative_to_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_in_repository(tmp_path, monkeypatch)
    written = run(report)
    [result] = written["results"]

    assert result["ruleId"] == "ZD101"
    assert result["level"] == "error"
    assert result["partialFingerprints"] == {"zeroDowntime/v1": report.findings[0].fingerprint}
    assert "suppressions" not in result
    [location] = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "back%20end/shop/0002_change.py", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 3, "startColumn": 9, "endLine": 6},
    }
    assert written["originalUriBaseIds"] == {"SRCROOT": {"uri": f"{tmp_path.as_uri()}/"}}


def test_rules_are_described_once_with_their_pages() -> None:
    findings = [replace(FINDING, rule=rule.code, name=rule.name) for rule in all_rules()]
    written = run(Report((*findings, *findings), migrations=1))
    rules = written["tool"]["driver"]["rules"]

    assert [rule["id"] for rule in rules] == [rule.code for rule in all_rules()]
    assert [rule["help"]["markdown"] for rule in rules] == [rule.page() for rule in all_rules()]
    assert rules[0]["helpUri"].endswith("/rules/ZD101.html")
    for result in written["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_what_is_suppressed_is_there_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations = SUPPRESSED + ADD_INDEX.replace("status", "number")

    results = run(report_in_repository(tmp_path, monkeypatch, operations))["results"]

    assert [result.get("suppressions") for result in results] == [
        None,
        [{"kind": "inSource", "justification": "the table has 40 rows"}],
    ]


@pytest.mark.parametrize("path", [None, "/elsewhere/0002 change.py"])
def test_a_file_may_be_elsewhere_or_nowhere(path: str | None) -> None:
    nowhere = replace(FINDING, severity=Severity.WARNING, path=path, line=path and 3)  # type: ignore[arg-type]

    [result] = run(Report((nowhere,), migrations=1))["results"]

    assert result["level"] == "warning"
    [location] = result["locations"]
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "shop.0002_order_status_idx"
    physical = location.get("physicalLocation")
    assert physical == (
        path
        and {
            "artifactLocation": {"uri": "file:///elsewhere/0002%20change.py"},
            "region": {"startLine": 3},
        }
    )


def test_nothing_to_say_is_a_run_without_results() -> None:
    assert run(Report((), migrations=1))["results"] == []
