"""ZD202 remove-field-breaks-old-code."""

from __future__ import annotations

from django.db import migrations, models

from tests.lint.judging import judge


def test_dropping_a_column_breaks_old_code_and_loses_data() -> None:
    [finding] = judge(migrations.RemoveField("order", "note"))

    assert finding.rule == "ZD202"
    assert finding.hazards == ("breaks-old-code", "loses-data", "irreversible")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert 'column "note" of table "shop_order"' in finding.message
    assert finding.remedy.startswith("Use ExpandRemoveField and ContractRemoveField")


def test_the_column_of_a_foreign_key_is_named() -> None:
    [finding] = judge(migrations.RemoveField("order", "customer"))

    assert 'column "customer_id"' in finding.message


def test_a_many_to_many_field_is_a_table() -> None:
    [finding] = judge(migrations.RemoveField("order", "tags"))

    assert finding.tables == ("shop_order_tags",)


def test_a_field_that_leaves_the_state_only_is_fine() -> None:
    assert not judge(
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("order", "note")]
        )
    )


def test_a_many_to_many_field_through_a_model_has_nothing_to_drop() -> None:
    through = models.ManyToManyField("shop.Tag", through="shop.LegacyOrder")

    assert not judge(
        migrations.AddField("customer", "labels", through),
        migrations.RemoveField("customer", "labels"),
    )
