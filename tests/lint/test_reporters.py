"""How findings are written down."""

from __future__ import annotations

import json

from django.db import migrations, models

from tests.lint.judging import judge
from zero_downtime.lint.findings import Finding, Hazard, Report, Severity
from zero_downtime.lint.reporters import json as json_reporter
from zero_downtime.lint.reporters import text

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
)


def test_the_json_has_the_documented_form() -> None:
    assert json.loads(json_reporter.render(Report((FINDING,), migrations=2))) == {
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


def test_the_text_is_grouped_by_migration_and_summed_up() -> None:
    assert text.render(Report((FINDING, FINDING), migrations=2)).splitlines() == [
        "shop.0002_order_status_idx",
        *[
            "  shop/migrations/0002_order_status_idx.py:12: error ZD101 add-index-blocks-writes",
            "    It blocks.",
            "    Instead: Do not.",
            "    Hazards: blocks-writes",
        ]
        * 2,
        "",
        "2 migrations checked, 2 errors, 0 warnings",
    ]


def test_nothing_to_say_is_one_line() -> None:
    assert text.render(Report((), migrations=1)) == "1 migration checked, 0 errors, 0 warnings"


def test_an_unwritten_migration_has_no_place() -> None:
    findings = judge(
        migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx"))
    )

    assert "\n  error ZD101" in text.render(Report(tuple(findings), migrations=1))


def test_a_report_fails_from_the_threshold_on() -> None:
    error = Report((FINDING,), migrations=1)
    clean = Report((), migrations=1)

    assert error.fails(Severity.ERROR)
    assert error.fails(Severity.WARNING)
    assert not error.fails(None)
    assert not clean.fails(Severity.WARNING)
