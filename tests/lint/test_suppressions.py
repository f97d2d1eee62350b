"""What is not reported, because somebody has said why."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.judging import codes
from tests.lint.suppressing import ADD_INDEX, lint, migration_file

COMMENT = "# zero-downtime: ignore[ZD101] the table has 40 rows"


def test_a_comment_above_the_operation_suppresses_with_its_reason(tmp_path: Path) -> None:
    reported, [suppressed] = lint(migration_file(tmp_path, COMMENT + ADD_INDEX))

    assert reported == []
    assert suppressed.finding.rule == "ZD101"
    assert suppressed.reason == "the table has 40 rows"


@pytest.mark.parametrize("line", ["migrations.AddIndex(", '    "order",', "),"])
def test_so_does_one_on_any_line_of_the_operation(tmp_path: Path, line: str) -> None:
    operations = ADD_INDEX.replace(f"\n{line}", f"\n{line}  {COMMENT}")

    assert lint(migration_file(tmp_path, operations))[0] == []


@pytest.mark.parametrize(
    "comment",
    [
        "# zero-downtime: ignore[add-index-blocks-writes] it is small",
        "# zero-downtime: ignore[zd101] it is small",
        "#zero-downtime:ignore[ZD101]it is small",
        "# fmt: skip  # zero-downtime: ignore[ZD101] it is small",
        "# zero-downtime: ignore[ZD101] it is small\n# and stays so",
    ],
)
def test_names_codes_and_other_comments(tmp_path: Path, comment: str) -> None:
    assert lint(migration_file(tmp_path, comment + ADD_INDEX))[0] == []


def test_several_rules_in_one_comment(tmp_path: Path) -> None:
    operations = (
        "# zero-downtime: ignore[ZD101, ZD201] nobody uses it yet\n"
        'migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx")), '
        'migrations.RenameField("order", "note", "remark"),'
    )

    assert lint(migration_file(tmp_path, operations))[0] == []


def test_the_comment_of_one_operation_is_not_that_of_the_next(tmp_path: Path) -> None:
    other = ADD_INDEX.replace("status", "number").rstrip()
    reported, suppressed = lint(migration_file(tmp_path, other + f"  {COMMENT}" + ADD_INDEX))

    assert codes(reported) == ["ZD101"]
    assert '"status_idx"' in reported[0].message
    assert len(suppressed) == 1


def test_operations_that_are_not_listed_are_meant_together(tmp_path: Path) -> None:
    file = tmp_path / "0002_change.py"
    source = migration_file(tmp_path, ADD_INDEX)
    text = file.read_text().replace("operations = [", f"operations = [] + [  {COMMENT}")
    file.write_text(text)

    assert lint(source)[0] == []


def test_the_class_can_say_it_for_the_whole_migration(tmp_path: Path) -> None:
    attribute = 'zero_downtime_ignore = {"ZD101": "the table has 40 rows"}'
    source = migration_file(tmp_path, ADD_INDEX + ADD_INDEX.replace("status", "number"), attribute)

    reported, suppressed = lint(source)

    assert reported == []
    assert [each.reason for each in suppressed] == ["the table has 40 rows"] * 2


def test_what_looks_like_a_comment_in_a_string_is_none(tmp_path: Path) -> None:
    operations = f'migrations.RunSQL("SELECT 1  {COMMENT}"),' + ADD_INDEX

    assert "ZD101" in codes(lint(migration_file(tmp_path, operations))[0])


def test_a_migration_without_a_file_can_only_say_it_on_the_class(tmp_path: Path) -> None:
    attribute = 'zero_downtime_ignore = {"ZD101": "the table has 40 rows"}'
    source = migration_file(tmp_path, ADD_INDEX, attribute)
    (tmp_path / "0002_change.py").write_bytes(b"")

    assert lint(source)[0] == []
