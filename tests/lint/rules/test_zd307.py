"""ZD307 alter-after-write."""

from __future__ import annotations

import pytest
from django.db import migrations, models

from tests.lint.judging import create_refund, in_state_only, judge, run_sql

NICK = migrations.AddField("order", "nick", models.TextField(null=True))
DELETE = run_sql("DELETE FROM shop_order WHERE id = 7")


def test_a_table_with_pending_checks_cannot_be_altered() -> None:
    [finding] = judge(DELETE, NICK)

    assert finding.rule == "ZD307"
    assert finding.operation == 1
    assert finding.hazards == ("may-fail",)
    assert finding.severity == "warning"
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'Table "shop_order" is altered in the transaction that has written its rows: that fails '
        "while foreign keys of those rows wait for their check."
    )
    assert "two migrations" in finding.remedy


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO shop_order (customer_id, number, status) VALUES (1, 1, '')",
        "UPDATE shop_order SET customer_id = 2 WHERE id = 7",
    ],
)
def test_by_other_writes(sql: str) -> None:
    assert [finding.rule for finding in judge(run_sql(sql), NICK)] == ["ZD307"]


def test_it_is_said_once_for_an_operation() -> None:
    key = models.ForeignKey("shop.Customer", models.CASCADE, null=True)
    [finding] = judge(DELETE, migrations.AlterField("order", "customer", key), rule="ZD307")

    assert finding.operation == 1


def test_what_leaves_no_check_behind_is_fine() -> None:
    assert not judge(run_sql("UPDATE shop_order SET note = '' WHERE id = 7"), NICK)


def test_other_tables_and_weaker_locks_are_fine() -> None:
    tag = migrations.AddField("tag", "nick", models.TextField(null=True))

    assert not judge(DELETE, tag)
    assert not judge(DELETE, run_sql("COMMENT ON TABLE shop_order IS 'orders'"))
    assert not judge(DELETE, in_state_only(NICK))


def test_so_is_the_other_order_and_each_for_itself() -> None:
    assert not judge(NICK, DELETE)
    assert not judge(DELETE, NICK, atomic=False)


def test_one_string_is_one_transaction() -> None:
    [finding] = judge(
        run_sql("DELETE FROM shop_order WHERE id = 7; ALTER TABLE shop_order ADD nick text"),
        atomic=False,
    )

    assert finding.rule == "ZD307"


def test_a_new_table_fails_as_well() -> None:
    """Rows that the migration itself has put there wait for their check, too."""
    refund = create_refund(order=models.ForeignKey("shop.Order", models.CASCADE))
    delete = run_sql("DELETE FROM shop_refund WHERE id = 7")
    alter = migrations.AddField("refund", "nick", models.TextField(null=True))

    assert [finding.rule for finding in judge(refund, delete, alter)] == ["ZD307"]
