"""Findings to be written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.suppressing import ADD_INDEX, lint, migration_file
from zero_downtime.lint.findings import Finding, Hazard, Report, Severity

FINDING = Finding(
    rule="ZD101",
    name="add-index-blocks-writes",
    severity=Severity.ERROR,
    hazards=(Hazard.BLOCKS_WRITES,),
    app="shop",
    migration="0002_order_status_idx",
    operation=0,
    path="shop/migrations/0002_order_status_idx.py",
    line=12,
    tables=("shop_order",),
    message="It blocks.",
    remedy="Do not.",
    fixable=True,
    docs="rules/ZD101.md",
    fingerprint="1234abcd",
)


def report_in_repository(
    directory: Path, monkeypatch: pytest.MonkeyPatch, operations: str = ADD_INDEX
) -> Report:
    """Report on a migration in a subfolder of a repository, where the project is."""
    (directory / ".git").mkdir()
    folder = directory / "back end" / "shop"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder.parent)
    findings, suppressed = lint(migration_file(folder, operations))
    return Report(tuple(findings), 1, tuple(suppressed))
