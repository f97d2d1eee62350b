"""The Code Quality report of GitLab."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lint.reporters.samples import FINDING, report_in_repository
from zero_downtime.lint.findings import Report, Severity
from zero_downtime.lint.reporters.gitlab import render


def test_it_has_what_gitlab_requires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_in_repository(tmp_path, monkeypatch)
    [finding] = report.findings

    assert json.loads(render(report)) == [
        {
            "description": f"{finding.message} Instead: {finding.remedy}",
            "check_name": "ZD101 add-index-blocks-writes",
            "fingerprint": finding.fingerprint,
            "severity": "critical",
            "location": {"path": "back end/shop/0002_change.py", "lines": {"begin": 3}},
        }
    ]


def test_a_warning_is_minor_and_has_a_place_even_without_a_file() -> None:
    nowhere = replace(FINDING, severity=Severity.WARNING, path=None, line=None)

    [issue] = json.loads(render(Report((nowhere,), migrations=1)))

    assert issue["severity"] == "minor"
    assert issue["location"] == {"path": "shop.0002_order_status_idx", "lines": {"begin": 1}}


def test_nothing_to_say_is_an_empty_list() -> None:
    assert json.loads(render(Report((), migrations=1))) == []
