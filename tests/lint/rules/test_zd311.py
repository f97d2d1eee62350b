"""ZD311 triggers-stay-disabled."""

from __future__ import annotations

import pytest

from tests.lint.judging import create_refund, in_state_only, judge, run_sql

OFF = "ALTER TABLE shop_order DISABLE TRIGGER USER"


def test_triggers_that_nobody_turns_on_again() -> None:
    [finding] = judge(run_sql(OFF))

    assert finding.rule == "ZD311"
    assert finding.severity == "warning"
    assert finding.hazards == ()
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'DISABLE TRIGGER USER on "shop_order": what these triggers do is not done for rows that '
        "are written from now on."
    )


@pytest.mark.parametrize("which", ["ALL", "keep_total"])
def test_all_of_them_or_one(which: str) -> None:
    off, on = (f"ALTER TABLE shop_order {verb} TRIGGER {which}" for verb in ("DISABLE", "ENABLE"))

    assert len(judge(run_sql(off))) == 1
    assert not judge(run_sql(off), run_sql(on))
    assert len(judge(run_sql(on), run_sql(off))) == 1


def test_what_is_fine() -> None:
    assert len(judge(run_sql(OFF, "ALTER TABLE shop_customer ENABLE TRIGGER USER"))) == 1
    assert not judge(create_refund(), run_sql("ALTER TABLE shop_refund DISABLE TRIGGER ALL"))
    assert not judge(in_state_only(run_sql(OFF)))
