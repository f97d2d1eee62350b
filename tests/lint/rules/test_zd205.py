"""ZD205 rename-table-breaks-old-code."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import create_refund, in_database_only, in_state_only, judge, run_sql


def test_a_renamed_table_is_gone_for_running_code() -> None:
    [finding] = judge(migrations.AlterModelTable("tag", "shop_label"))

    assert finding.rule == "ZD205"
    assert finding.hazards == ("breaks-old-code",)
    assert finding.severity == "error"
    assert finding.tables == ("shop_tag",)
    assert finding.message == (
        'Renaming table "shop_tag" to "shop_label" breaks running code, which uses the old name.'
    )
    assert "db_table='shop_tag'" in finding.remedy
    assert not finding.fixable


def test_a_renamed_model_renames_its_table() -> None:
    [finding] = judge(migrations.RenameModel("Basket", "Cart"))

    assert finding.rule == "ZD205"
    assert finding.tables == ("shop_basket",)


def test_the_tables_of_its_many_to_many_fields_are_named_after_it() -> None:
    tables = [
        finding.tables for finding in judge(migrations.RenameModel("Order", "Deal"), rule="ZD205")
    ]

    assert tables == [("shop_order",), ("shop_order_tags",)]


def test_a_renamed_many_to_many_field_renames_its_table() -> None:
    [finding] = judge(migrations.RenameField("order", "tags", "labels"))

    assert finding.tables == ("shop_order_tags",)
    assert "db_table='shop_order_tags'" in finding.remedy


@pytest.mark.parametrize(
    "rename",
    [
        run_sql("ALTER TABLE shop_tag RENAME TO shop_label"),
        in_database_only(migrations.AlterModelTable("tag", "shop_label")),
    ],
    ids=["sql", "nested"],
)
def test_by_other_ways(rename: Operation) -> None:
    [finding] = judge(rename)

    assert finding.rule == "ZD205"
    assert finding.tables == ("shop_tag",)


def test_a_table_that_keeps_its_name_is_fine() -> None:
    assert not judge(migrations.AlterModelTable("tag", "shop_tag"))
    assert not judge(
        migrations.AlterModelTable("basket", "shop_basket"),
        migrations.RenameModel("Basket", "Cart"),
    )


def test_what_is_fine() -> None:
    assert not judge(create_refund(), migrations.RenameModel("Refund", "Repayment"))
    assert not judge(in_state_only(migrations.RenameModel("Order", "Deal")))
    assert not judge(migrations.AlterModelTable("legacyorder", "other"))
    assert not judge(run_sql("ALTER TABLE nobody_knows_it RENAME TO other"))


def test_a_table_that_has_left_the_state_before_is_still_in_use() -> None:
    findings = judge(
        in_state_only(migrations.DeleteModel("Tag")),
        run_sql("ALTER TABLE shop_tag RENAME TO shop_label"),
        migrations.AddField("basket", "nick", models.TextField(null=True)),
    )

    assert [finding.rule for finding in findings] == ["ZD205"]
