"""Annotations of a pull request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.lint.reporters.samples import FINDING, report_in_repository
from zero_downtime.lint.findings import Report, Severity
from zero_downtime.lint.reporters.github import render


def test_a_finding_is_an_annotation_of_the_lines_of_its_operation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_in_repository(tmp_path, monkeypatch)

    [line] = render(report).splitlines()

    assert line.startswith(
        "::error file=back end/shop/0002_change.py,line=3,endLine=6,"
        "title=ZD101 add-index-blocks-writes::shop.0002_change: Building index"
    )
    assert "%0AInstead: Use AddIndexConcurrently('order', ...)" in line


def test_a_warning_is_a_warning() -> None:
    warning = replace(FINDING, severity=Severity.WARNING)

    assert render(Report((warning,), migrations=1)).startswith("::warning file=")


def test_what_would_end_a_command_is_escaped() -> None:
    hostile = replace(
        FINDING, path="a,b:c%d.py", message="100 % of\r\nthe rows: a, b", remedy="Do not."
    )

    assert render(Report((hostile,), migrations=1)) == (
        "::error file=a%2Cb%3Ac%25d.py,line=12,endLine=12,title=ZD101 add-index-blocks-writes"
        "::shop.0002_order_status_idx: 100 %25 of%0D%0Athe rows: a, b%0AInstead: Do not."
    )


def test_nothing_to_say_is_nothing() -> None:
    assert render(Report((), migrations=1)) == ""
