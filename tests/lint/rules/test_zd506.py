"""ZD506 composite-key-is-not-made."""

from __future__ import annotations

from django.db import migrations, models

from tests.lint.judging import create_refund, in_state_only, judge, judge_all, migration, run_sql

KEY = migrations.AddField("order", "pk", models.CompositePrimaryKey("customer_id", "number"))


def test_a_table_that_exists_gets_no_composite_key() -> None:
    [finding] = judge(KEY)

    assert finding.rule == "ZD506"
    assert finding.severity == "warning"
    assert finding.hazards == ()
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'Table "shop_order" does not get this primary key: Django makes a composite one only '
        "together with its table."
    )


def test_nor_does_one_that_the_plan_has_just_made() -> None:
    create = create_refund(number=models.IntegerField())
    key = migrations.AddField("refund", "pk", models.CompositePrimaryKey("id", "number"))

    findings = judge_all(
        migration("0002_refund", create), migration("0003_key", key), together=True
    )

    assert [finding.tables for finding in findings] == [("shop_refund",)]


def test_made_by_hand_it_is_fine() -> None:
    using_index = run_sql("ALTER TABLE shop_order ADD PRIMARY KEY USING INDEX order_key")

    assert not judge(using_index, KEY)
    assert not judge(in_state_only(KEY))


def test_what_is_fine() -> None:
    whole = migrations.CreateModel(
        "Refund",
        [("pk", models.CompositePrimaryKey("a", "b"))]
        + [(name, models.IntegerField()) for name in ("a", "b")],
    )
    unmanaged = migrations.AddField("legacyorder", "pk", models.CompositePrimaryKey("id", "note"))

    assert not judge(whole)
    assert not judge(unmanaged)
