"""ZD210 rename-enum-value-breaks-old-code."""

from __future__ import annotations

from tests.lint.judging import in_database_only, judge, run_sql

RENAME = "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'"


def test_running_code_does_not_know_the_new_name_of_a_value() -> None:
    [finding] = judge(run_sql(RENAME))

    assert finding.rule == "ZD210"
    assert finding.severity == "warning"
    assert finding.hazards == ("breaks-old-code",)
    assert finding.only_if_written
    assert finding.message == (
        "Renaming the enum value 'ok' to 'fine' breaks running code that uses the old one."
    )
    assert len(judge(in_database_only(run_sql(RENAME)))) == 1


def test_a_new_value_is_fine() -> None:
    assert not judge(run_sql("ALTER TYPE mood ADD VALUE 'fine'"))
    assert not judge(run_sql("ALTER TYPE mood RENAME TO state"))
