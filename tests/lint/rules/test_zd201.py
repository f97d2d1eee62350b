"""ZD201 rename-field-breaks-old-code."""

from __future__ import annotations

from django.db import migrations, models

from tests.lint.judging import judge, judge_all, migration
from zero_downtime import operations as zd


def test_renaming_a_column_breaks_old_code() -> None:
    [finding] = judge(migrations.RenameField("customer", "name", "full_name"))

    assert finding.rule == "ZD201"
    assert finding.hazards == ("breaks-old-code",)
    assert finding.severity == "error"
    assert finding.tables == ("shop_customer",)
    assert 'column "name" of table "shop_customer" to "full_name"' in finding.message
    assert "ExpandRenameField" in finding.remedy
    assert finding.fixable


def test_renaming_a_foreign_key_also_adds_its_constraint_anew() -> None:
    key, rename = judge(migrations.RenameField("order", "customer", "buyer"))

    assert (key.rule, key.hazards) == ("ZD105", ("blocks-reads", "blocks-writes"))
    assert (rename.rule, rename.hazards) == ("ZD201", ("breaks-old-code",))
    assert '"customer_id" of table "shop_order" to "buyer_id"' in rename.message


def test_a_column_that_keeps_its_name_is_fine() -> None:
    assert not judge(migrations.RenameField("customer", "email", "address"))


def test_a_primary_key_can_only_keep_its_column() -> None:
    [finding] = judge(migrations.RenameField("customer", "id", "number"))

    assert "db_column='id'" in finding.remedy
    assert not finding.fixable


def test_renaming_a_many_to_many_field_renames_its_table() -> None:
    [finding] = judge(migrations.RenameField("order", "tags", "labels"))

    assert finding.tables == ("shop_order_tags",)
    assert "db_table='shop_order_tags'" in finding.remedy
    assert not finding.fixable


def test_a_many_to_many_table_that_keeps_its_name_is_fine() -> None:
    tags = models.ManyToManyField("shop.Tag", db_table="shop_order_tags")

    assert not judge(
        migrations.AlterField("order", "tags", tags),
        migrations.RenameField("order", "tags", "labels"),
    )


def test_both_names_at_once_are_fine() -> None:
    names = ("customer", "name", "full_name")

    assert not judge_all(
        migration("0002_expand", zd.ExpandRenameField(*names), atomic=False),
        migration("0003_fill", zd.BackfillField("customer", "full_name"), atomic=False),
        migration("0004_contract", zd.ContractRenameField(*names), atomic=False),
    )


def test_a_column_that_running_code_does_not_know_is_fine() -> None:
    assert not judge(
        migrations.AddField("order", "total", models.IntegerField(null=True)),
        migrations.RenameField("order", "total", "amount"),
    )
