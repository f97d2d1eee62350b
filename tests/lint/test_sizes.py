"""The file that says how large tables are."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management.base import CommandError

from zero_downtime.lint.sizes import Sizes


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    sizes = Sizes({"shop_order": 120_000_000, "crm.customer": 0})
    file = tmp_path / "sizes.json"
    file.write_text(sizes.as_json())

    assert Sizes.read(file) == sizes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "does not hold sizes of tables"),
        ("[]", "does not hold sizes of tables"),
        ('{"version": 1, "tables": {"shop_order": 5}}', "does not hold sizes of tables"),
        ('{"version": 1, "tables": {"shop_order": {"rows": "many"}}}', "--export-sizes"),
        ('{"version": 2, "tables": {}}', "is of version 2; this is for version 1"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "sizes.json"
    file.write_text(content)

    with pytest.raises(CommandError, match=message) as refused:
        Sizes.read(file)

    assert refused.value.returncode == 2


def test_so_is_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        Sizes.read(tmp_path / "sizes.json")
