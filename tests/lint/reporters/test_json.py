"""The report for programs."""

from __future__ import annotations

import json
from dataclasses import replace

from django.db import migrations

from tests.lint.reporters.samples import FINDING
from zero_downtime.lint.findings import Report
from zero_downtime.lint.reporters.json import render
from zero_downtime.postgres.statements import Statement

DOCUMENTED = {
    "version": 1,
    "findings": [
        {
            "rule": "ZD101",
            "name": "add-index-blocks-writes",
            "severity": "error",
            "hazards": ["blocks-writes"],
            "app": "shop",
            "migration": "0002_order_status_idx",
            "operation": 0,
            "path": "shop/migrations/0002_order_status_idx.py",
            "line": 12,
            "tables": ["shop_order"],
            "message": "It blocks.",
            "remedy": "Do not.",
            "fixable": True,
            "docs": "rules/ZD101.md",
        }
    ],
    "summary": {"migrations": 2, "errors": 1, "warnings": 0},
}


def test_it_has_the_documented_form() -> None:
    assert json.loads(render(Report((FINDING,), migrations=2))) == DOCUMENTED


def test_what_other_reports_need_is_not_in_it() -> None:
    richer = replace(
        FINDING, subject=migrations.RunSQL("SELECT 1"), work=((Statement, "shop_order"),)
    )

    assert json.loads(render(Report((richer,), migrations=2))) == DOCUMENTED
