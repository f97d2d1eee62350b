"""ZD110 many-tables-locked."""

from __future__ import annotations

from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import create_refund, in_database_only, in_state_only, judge, run_sql

MODELS = ("customer", "tag", "order", "basket")


def nick(model: str) -> Operation:
    return migrations.AddField(model, "nick", models.TextField(null=True))


def test_the_fourth_table_is_one_too_many() -> None:
    [finding] = judge(*map(nick, MODELS))

    assert finding.rule == "ZD110"
    assert finding.operation == 3
    assert finding.hazards == ()
    assert finding.severity == "warning"
    assert finding.tables == ("shop_basket", "shop_customer", "shop_order", "shop_tag")
    assert finding.message == (
        'This transaction locks "shop_customer", "shop_tag", "shop_order", "shop_basket", and '
        "keeps all of them until it ends."
    )
    assert finding.remedy == "Alter them in migrations of their own."


def test_it_is_said_once() -> None:
    again = migrations.AddField("basket", "name", models.TextField(null=True))
    to_legacy = run_sql("ALTER TABLE something_else ADD nick text")

    assert len(judge(*map(nick, MODELS), again, to_legacy)) == 1


def test_three_are_fine_however_often() -> None:
    again = migrations.AddField("order", "name", models.TextField(null=True))

    assert not judge(*map(nick, MODELS[:3]), again)


def test_so_are_transactions_of_their_own() -> None:
    assert not judge(*map(nick, MODELS), atomic=False)


def test_a_new_table_or_one_in_the_state_does_not_count() -> None:
    assert not judge(create_refund(), *map(nick, MODELS[:3]), nick("refund"))
    assert not judge(*map(nick, MODELS[:3]), in_state_only(nick("basket")))
    assert len(judge(in_database_only(*map(nick, MODELS)))) == 1


def test_a_table_that_is_renamed_is_still_one() -> None:
    rename = migrations.AlterModelTable("tag", "labels")

    assert not judge(rename, *map(nick, MODELS[:3]), rule="ZD110")


def test_one_statement_may_lock_several() -> None:
    [finding] = judge(
        run_sql("TRUNCATE shop_order, shop_customer, shop_tag, shop_basket"), rule="ZD110"
    )

    assert len(finding.tables) == 4


def test_weaker_locks_do_not_count() -> None:
    index = models.Index(fields=["id"], name="basket_idx")

    assert not judge(*map(nick, MODELS[:3]), migrations.AddIndex("basket", index), rule="ZD110")
