"""ZD105 add-foreign-key-blocks-writes."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

from tests.lint.judging import (
    create_refund,
    in_database_only,
    in_state_only,
    judge,
    judge_all,
    migration,
    run_sql,
)
from zero_downtime import operations as zd


def key(to: str = "shop.Customer", **options: Any) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(to, models.CASCADE, **options)


def test_a_key_that_changes_is_dropped_and_validated_again() -> None:
    [finding] = judge(migrations.AlterField("order", "customer", key(null=True)))

    assert finding.rule == "ZD105"
    assert finding.hazards == ("blocks-reads", "blocks-writes")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order", "shop_customer")
    assert finding.message == (
        'A foreign key from table "shop_order" to "shop_customer" is validated row by row. '
        'Nobody can read or write "shop_order", "shop_customer" until it is done.'
    )
    assert finding.remedy == "Use AlterFieldConcurrently in a migration with atomic = False."
    assert finding.fixable


def test_without_a_transaction_reads_go_on() -> None:
    [finding] = judge(migrations.AlterField("order", "customer", key(null=True)), atomic=False)

    assert finding.hazards == ("blocks-writes",)


def test_a_number_that_becomes_a_key_may_point_nowhere() -> None:
    findings = judge(
        migrations.AlterField("order", "number", key(db_column="number")), rule="ZD105"
    )

    assert [finding.hazards for finding in findings] == [
        ("blocks-reads", "blocks-writes", "may-fail", "breaks-old-code")
    ]
    assert "fails if one points nowhere" in findings[0].message


def test_so_may_one_that_points_at_another_field_of_the_same_model() -> None:
    """The values stay, and are those of the former field."""
    codes_unique = migrations.AddField(
        "customer", "code", models.BigIntegerField(null=True, unique=True)
    )
    [finding] = judge_all(
        migration("0002_code", codes_unique),
        migration("0003_key", migrations.AlterField("order", "customer", key(to_field="code"))),
        rule="ZD105",
    )

    assert finding.severity == "error"


def test_a_key_that_comes_with_a_value_is_looked_up_for_every_row() -> None:
    [finding] = judge(migrations.AddField("order", "payer", key(default=1)), rule="ZD105")

    assert finding.hazards == ("blocks-reads", "blocks-writes")
    assert finding.tables == ("shop_order", "shop_customer")
    assert "AddFieldConcurrently" in finding.remedy


def test_a_nullable_key_that_comes_with_its_column_is_fine() -> None:
    assert not judge(migrations.AddField("order", "payer", key(null=True)), rule="ZD105")


def test_a_renamed_model_takes_the_keys_that_point_at_it_along() -> None:
    [finding] = judge(migrations.RenameModel("Customer", "Client"), rule="ZD105")

    assert finding.hazards == ("blocks-reads", "blocks-writes")
    assert set(finding.tables) == {"shop_order", "shop_client"}


def test_so_does_a_primary_key_of_another_type() -> None:
    wider = models.UUIDField(primary_key=True)

    [finding] = judge(migrations.AlterField("customer", "id", wider), rule="ZD105")

    assert "blocks-reads" in finding.hazards
    assert "may-fail" not in finding.hazards


def test_by_sql() -> None:
    add = "ALTER TABLE shop_order ADD FOREIGN KEY (number) REFERENCES shop_customer (id)"

    [finding] = judge(run_sql(add))

    assert finding.rule == "ZD105"
    assert finding.hazards == ("blocks-writes", "may-fail", "breaks-old-code")
    assert finding.tables == ("shop_order", "shop_customer")
    assert "NOT VALID" in finding.remedy
    assert not judge(run_sql(f"{add} NOT VALID"))


def test_an_altered_table_of_the_same_transaction_waits_as_well() -> None:
    add = run_sql("ALTER TABLE shop_order ADD FOREIGN KEY (number) REFERENCES shop_customer (id)")
    nick = migrations.AddField("tag", "nick", models.TextField(null=True))

    [before, after] = [judge(nick, add), judge(add, nick)]

    assert before[0].tables == ("shop_order", "shop_tag", "shop_customer")
    assert after[0].hazards == ("blocks-writes", "may-fail", "breaks-old-code")


def test_what_is_fine() -> None:
    alter = migrations.AlterField("order", "customer", key(null=True))

    assert not judge(zd.AlterFieldConcurrently("order", "customer", key(null=True)), atomic=False)
    assert not judge(in_state_only(alter))
    assert len(judge(in_database_only(alter))) == 1
    assert not judge(migrations.AlterField("order", "customer", key(related_name="orders")))
    assert not judge(create_refund(order=key("shop.Order")))
    unchecked = key(db_constraint=False, default=1)
    assert not judge(migrations.AddField("order", "payer", unchecked), rule="ZD105")


def test_a_key_of_a_new_table_is_validated_in_an_instant() -> None:
    assert not judge(
        create_refund(order=key("shop.Order")),
        migrations.AlterField("refund", "order", key("shop.Order", null=True)),
    )
