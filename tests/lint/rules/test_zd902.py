"""ZD902: a suppression that cannot be followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.judging import codes
from tests.lint.suppressing import ADD_INDEX, lint, migration_file


@pytest.mark.parametrize(
    ("comment", "problem"),
    [
        ("ignore[ZD101]", "It gives no reason to ignore add-index-blocks-writes."),
        ("ignore[ZD101]  # noqa: E501", "It gives no reason to ignore add-index-blocks-writes."),
        (
            "ignore[add-index-block-writes] it is small",
            "There is no rule 'add-index-block-writes'. Did you mean 'add-index-blocks-writes'?",
        ),
        ("ignore[] it is small", "There is no rule ''."),
        ("ignore ZD101 it is small", "'ignore ZD101 it is small' is not understood."),
    ],
)
def test_a_comment_that_is_wrong_suppresses_nothing(
    tmp_path: Path, comment: str, problem: str
) -> None:
    reported, suppressed = lint(migration_file(tmp_path, f"# zero-downtime: {comment}" + ADD_INDEX))

    assert codes(reported) == ["ZD101", "ZD902"]
    assert problem in reported[1].message
    assert reported[1].line == 3
    assert suppressed == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ('{"ZD101": ""}', "It gives no reason to ignore add-index-blocks-writes."),
        ('{"ZD101": None}', "It gives no reason to ignore add-index-blocks-writes."),
        (
            '{"add-index-blocks-write": "it is small"}',
            "There is no rule 'add-index-blocks-write'. Did you mean 'add-index-blocks-writes'?",
        ),
        ('["ZD101"]', "zero_downtime_ignore is no dict."),
    ],
)
def test_nor_does_an_attribute(tmp_path: Path, value: str, problem: str) -> None:
    reported, _ = lint(migration_file(tmp_path, ADD_INDEX, f"zero_downtime_ignore = {value}"))

    assert codes(reported) == ["ZD101", "ZD902"]
    assert problem in reported[1].message
    assert reported[1].line == 2


def test_the_good_half_of_a_comment_counts(tmp_path: Path) -> None:
    comment = "# zero-downtime: ignore[ZD101, ZD1O2] it is small"
    reported, [_] = lint(migration_file(tmp_path, comment + ADD_INDEX))

    assert codes(reported) == ["ZD902"]
