"""What a project knows already, and does not want to be told again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from tests.lint.reporters.samples import FINDING
from zero_downtime.lint.baseline import Baseline, Entry
from zero_downtime.lint.findings import Report

OTHER = replace(FINDING, migration="0003_number_idx", fingerprint="5678")
REPORT = Report((FINDING, OTHER), migrations=3)
KNOWS_ONE = Baseline((Entry("ZD101", "shop", "0002_order_status_idx", "1234abcd"),))


def anything(entry: Entry) -> bool:
    """Say that the report has everything."""
    return True


def test_what_is_known_is_counted_and_not_reported() -> None:
    report = KNOWS_ONE.compared(REPORT, anything)

    assert report.findings == (OTHER,)
    assert report.known == 1
    assert report.outdated == frozenset()


def test_what_is_known_but_not_found_is_outdated() -> None:
    nothing = Report((), migrations=3)

    assert KNOWS_ONE.compared(nothing, anything).outdated == {"1234abcd"}


def test_what_was_not_looked_for_is_not_missed() -> None:
    nothing = Report((), migrations=3)

    assert KNOWS_ONE.compared(nothing, lambda entry: False).outdated == frozenset()


def test_an_update_adds_what_is_new_and_takes_out_what_is_outdated() -> None:
    report = KNOWS_ONE.compared(Report((OTHER,), migrations=3), anything)

    assert [each.fingerprint for each in KNOWS_ONE.updated(report).entries] == ["5678"]
    assert KNOWS_ONE.updated(KNOWS_ONE.compared(REPORT, anything)).entries == (
        *KNOWS_ONE.entries,
        Entry("ZD101", "shop", "0003_number_idx", "5678"),
    )


def test_the_file_is_in_order_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    baseline = Baseline().updated(Report((OTHER, FINDING), migrations=3))

    baseline.write(file)

    assert json.loads(file.read_text()) == {
        "version": 1,
        "findings": [
            {
                "rule": "ZD101",
                "app": "shop",
                "migration": name,
                "fingerprint": fingerprint,
            }
            for name, fingerprint in [
                ("0002_order_status_idx", "1234abcd"),
                ("0003_number_idx", "5678"),
            ]
        ],
    }
    assert set(Baseline.read(file).entries) == set(baseline.entries)


def test_a_file_that_is_not_there_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Write it: .* --update-baseline") as raised:
        Baseline.read(tmp_path / "baseline.json")

    assert raised.value.returncode == 2


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"findings": [{"rule": "ZD101"}]}', "\xff"])
def test_a_file_that_is_something_else_is_not_taken_for_one(tmp_path: Path, content: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_bytes(content.encode("latin-1"))

    with pytest.raises(CommandError, match="is no baseline") as raised:
        Baseline.read(file)

    assert raised.value.returncode == 2
