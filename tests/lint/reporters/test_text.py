"""The report for people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management.color import make_style, no_style
from django.db import migrations, models

from tests.lint.judging import judge
from tests.lint.reporters.samples import FINDING, report_in_repository
from tests.lint.suppressing import ADD_INDEX
from zero_downtime.lint.findings import Report, Severity, Suppressed
from zero_downtime.lint.reporters.text import render


def test_it_is_grouped_by_migration_and_summed_up() -> None:
    assert render(Report((FINDING, FINDING), migrations=2)).splitlines() == [
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


def test_the_operation_is_shown_and_pointed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = render(report_in_repository(tmp_path, monkeypatch)).splitlines()

    assert lines[1:4] == [
        "  shop/0002_change.py:3: error ZD101 add-index-blocks-writes",
        "    3 |         migrations.AddIndex(",
        "      |         ^^^^^^^^^^^^^^^^^^^",
    ]


def test_what_is_not_an_operation_is_pointed_at_as_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    comment = "# zero-downtime: ignore[ZD201] nobody uses it"
    operations = f"{ADD_INDEX}{comment}"

    lines = render(report_in_repository(tmp_path, monkeypatch, operations)).splitlines()

    assert f"    7 |         {comment}" in lines
    assert "      |         " + "^" * len(comment) in lines


def test_the_remedy_is_shown_as_code_once() -> None:
    found = judge(migrations.AlterField("order", "status", models.CharField(max_length=5)))
    assert len(found) == 2

    text = render(Report(tuple(found), migrations=1))

    assert text.count("        # expand, in a migration of its own\n") == 1
    assert text.count("        # contract, in a migration of its own\n") == 1
    assert (
        "        zd.ContractAlterField(\n"
        "            model_name='order',\n"
        "            name='status',\n"
        "            field=models.CharField(max_length=5),\n"
        "        ),\n"
        "    Hazards: "
    ) in text


def test_one_stage_needs_no_heading() -> None:
    index = models.Index(fields=["status"], name="status_idx")

    text = render(Report(tuple(judge(migrations.AddIndex("order", index))), migrations=1))

    assert "atomic = False.\n        zd.AddIndexConcurrently(\n" in text


def test_colours_are_those_of_the_style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_in_repository(tmp_path, monkeypatch)
    style = make_style("error=red;warning=yellow;migrate_heading=cyan")

    coloured = render(report, style)

    assert style.ERROR("error") + " ZD101" in coloured
    assert style.ERROR("^" * len("migrations.AddIndex")) in coloured
    assert style.MIGRATE_HEADING("shop.0002_change") in coloured
    assert "\x1b" not in render(report, no_style())
    assert "\x1b" not in render(report)


def test_nothing_to_say_is_one_line() -> None:
    assert render(Report((), migrations=1)) == "1 migration checked, 0 errors, 0 warnings"


def test_what_is_suppressed_is_counted() -> None:
    report = Report((), migrations=1, suppressed=(Suppressed(FINDING, "it is small"),))

    assert render(report) == "1 migration checked, 0 errors, 0 warnings, 1 suppressed"


def test_what_nothing_hurts_has_no_hazards() -> None:
    unused = replace(FINDING, hazards=(), severity=Severity.WARNING)

    assert "Hazards" not in render(Report((unused,), migrations=1))


def test_an_unwritten_migration_has_no_place() -> None:
    findings = judge(
        migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx"))
    )

    assert "\n  error ZD101" in render(Report(tuple(findings), migrations=1))
