"""ZD301 run-python-in-one-transaction."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from tests.lint.judging import SHOP, judge, migration
from zero_downtime import operations as zd
from zero_downtime.lint.judge import judge_ordered


def fill_totals(apps: Any, schema_editor: Any) -> None:
    """What such a function does is not looked at."""


RUN = migrations.RunPython(fill_totals)
CREATE_COUNTRY = migrations.CreateModel("Country", [("id", models.BigAutoField(primary_key=True))])


def test_on_its_own_it_depends_on_the_data() -> None:
    [finding] = judge(RUN)

    assert finding.rule == "ZD301"
    assert finding.hazards == ("long-transaction",)
    assert finding.severity == "warning"
    assert "fill_totals" in finding.message
    assert "BatchedRunPython" in finding.remedy


def test_behind_a_schema_change_everybody_waits_for_it() -> None:
    [finding] = judge(migrations.AddField("order", "total", models.IntegerField(null=True)), RUN)

    assert finding.hazards == ("long-transaction", "blocks-reads", "blocks-writes")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)


def test_before_a_schema_change_nobody_does() -> None:
    [finding] = judge(RUN, migrations.AddField("order", "total", models.IntegerField(null=True)))

    assert finding.severity == "warning"


def test_without_a_transaction_it_may_do_its_own_batches() -> None:
    assert not judge(RUN, atomic=False)


def test_a_transaction_of_its_own_is_one_too() -> None:
    [finding] = judge(migrations.RunPython(fill_totals, atomic=True), atomic=False)

    assert finding.rule == "ZD301"


def test_batches_are_fine() -> None:
    assert not judge(zd.BatchedRunPython(fill_totals, "order"), atomic=False)


def test_doing_nothing_is_fine() -> None:
    assert not judge(migrations.RunPython(migrations.RunPython.noop))


def test_a_plan_that_starts_with_an_empty_database_is_fine() -> None:
    plan = [migration("0001_initial", *SHOP), migration("0002_fill", RUN)]

    assert not judge_ordered(plan, ProjectState(), judged=plan, together=True)


def test_an_app_whose_tables_are_all_new_fills_those() -> None:
    first = migration("0001_initial", *SHOP)
    seed = type("Migration", (Migration,), {"operations": [CREATE_COUNTRY, RUN]})(
        "0001_initial", "geography"
    )

    assert not judge_ordered([first, seed], ProjectState(), judged=[seed], together=False)
