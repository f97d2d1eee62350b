"""ZD901: a suppression suppresses nothing."""

from __future__ import annotations

from pathlib import Path

from tests.lint.judging import codes
from tests.lint.suppressing import ADD_INDEX, lint, migration_file
from zero_downtime.lint.findings import Severity
from zero_downtime.lint.registry import select_rules

UNUSED = "# zero-downtime: ignore[ZD201] nobody uses it"


def test_it_is_told_where_it_stands(tmp_path: Path) -> None:
    file = migration_file(tmp_path, 'migrations.RunSQL("SELECT 1", "SELECT 1"),\n' + UNUSED)
    [finding] = [each for each in lint(file)[0] if each.rule == "ZD901"]

    assert finding.severity is Severity.WARNING
    assert finding.hazards == ()
    assert finding.message == "ZD201 is ignored here, but there is nothing to ignore."
    assert finding.operation is None
    assert finding.line == 4
    assert finding.path == str(tmp_path / "0002_change.py")


def test_of_several_rules_only_the_one_is_told_that_is_not_met(tmp_path: Path) -> None:
    comment = "# zero-downtime: ignore[ZD101,ZD201] it is small"
    [finding], [_] = lint(migration_file(tmp_path, comment + ADD_INDEX))

    assert finding.message.startswith("ZD201 ")


def test_on_the_class_as_well(tmp_path: Path) -> None:
    attribute = 'zero_downtime_ignore = {"add-index-blocks-writes": "it is small"}'
    [finding], _ = lint(migration_file(tmp_path, "", attribute))

    assert finding.rule == "ZD901"
    assert finding.line == 2


def test_a_second_one_for_the_same_is_not_needed(tmp_path: Path) -> None:
    attribute = 'zero_downtime_ignore = {"ZD101": "it is small"}'
    comment = "# zero-downtime: ignore[ZD101] it is small"
    reported, [_] = lint(migration_file(tmp_path, comment + ADD_INDEX, attribute))

    assert codes(reported) == ["ZD901"]


def test_nobody_knows_of_rules_that_were_not_asked_for(tmp_path: Path) -> None:
    file = migration_file(tmp_path, UNUSED)

    assert lint(file, select_rules(ignore=["ZD201"]))[0] == []
    assert lint(file, select_rules(ignore=["ZD901"]))[0] == []
    assert codes(lint(file, select_rules(select=["ZD901", "ZD201"]))[0]) == ["ZD901"]
