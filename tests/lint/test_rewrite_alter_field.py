"""What becomes of an `AlterField` that Django's autodetector makes."""

from __future__ import annotations

from django.db import migrations, models
from django.db.migrations import Migration

from tests.lint.judging import SHOP, judge_all, migration
from tests.lint.test_rewrite import NICKNAME, RENAME, contents, detected, rewrite
from zero_downtime.lint.rewrite import NewMigrations, StageMigration

BIGGER = migrations.AlterField("order", "number", models.BigIntegerField())


def test_a_change_of_type_becomes_three_migrations() -> None:
    written = rewrite(detected(BIGGER))

    assert contents(written) == [
        ("0002_alter_order_number_expand", ["ExpandAlterField", "BackfillField"]),
        ("0003_alter_order_number_switch", ["SwitchAlterField"]),
        ("0004_alter_order_number_contract", ["ContractAlterField"]),
    ]
    assert not judge_all(*written)


def test_so_does_that_of_a_primary_key() -> None:
    change = migrations.AlterField("customer", "id", models.UUIDField(primary_key=True))

    assert [names for _, names in contents(rewrite(detected(change)))] == [
        ["ExpandAlterField", "BackfillField"],
        ["SwitchAlterField"],
        ["ContractAlterField"],
    ]


def test_types_without_a_cast_are_said_to_need_expressions() -> None:
    to_uuid = migrations.AlterField("order", "number", models.UUIDField())

    expand, _, _ = rewrite(detected(to_uuid))
    assert isinstance(expand, StageMigration)
    assert "no cast between integer and uuid, give forward= and backward=" in expand.when[0]

    expand, _, _ = rewrite(detected(BIGGER))
    assert isinstance(expand, StageMigration)
    assert "no cast" not in expand.when[0]


def test_what_uses_a_field_of_another_type_waits_for_the_contract() -> None:
    index = migrations.AddIndex("order", models.Index(fields=["number"], name="number_idx"))

    assert [names for _, names in contents(rewrite(detected(BIGGER, index, NICKNAME)))] == [
        ["ExpandAlterField", "BackfillField"],
        ["AddField"],
        ["SwitchAlterField"],
        ["ContractAlterField"],
        ["AddIndexConcurrently"],
    ]


def test_a_field_is_switched_before_it_is_contracted_whatever_else_is() -> None:
    written = rewrite(detected(RENAME, BIGGER))

    assert [names for _, names in contents(written)] == [
        ["ExpandRenameField", "ExpandAlterField", "BackfillField"],
        ["BackfillField"],
        ["SwitchAlterField"],
        ["ContractRenameField", "ContractAlterField"],
    ]


def test_a_change_of_type_that_comes_with_another_column_is_left_as_it_is() -> None:
    moved = models.BigIntegerField(db_column="no")
    change = detected(migrations.AlterField("order", "number", moved))

    assert rewrite(change) == [change]


def test_not_null_is_set_in_steps_that_block_nobody() -> None:
    [once] = rewrite(
        detected(
            migrations.AlterField(
                "order", "note", models.TextField(default=""), preserve_default=False
            )
        )
    )
    [never] = rewrite(detected(migrations.AlterField("order", "note", models.TextField())))

    assert contents([once]) == [("0002_alter_order_note", ["AlterFieldConcurrently"])]
    assert contents([never]) == contents([once])
    assert isinstance(once, StageMigration)
    assert isinstance(never, StageMigration)
    assert "BackfillField" not in once.when[0]
    assert "BackfillField" in never.when[0]


def test_not_null_comes_with_a_change_of_type() -> None:
    change = migrations.AlterField("order", "note", models.CharField(max_length=10))

    assert [names for _, names in contents(rewrite(detected(change)))] == [
        ["ExpandAlterField", "BackfillField"],
        ["SwitchAlterField"],
        ["ContractAlterField"],
    ]


def test_other_apps_need_the_field_to_be_of_its_new_type() -> None:
    invoice = type("Migration", (Migration,), {"dependencies": [("shop", "0002_auto")]})(
        "0001_initial", "billing"
    )
    changes = {"billing": [invoice], "shop": [detected(BIGGER)]}

    rewritten = NewMigrations(changes, [migration("0001_initial", *SHOP)]).rewritten()

    assert rewritten["billing"][0].dependencies == [("shop", "0003_alter_order_number_switch")]
