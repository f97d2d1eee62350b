"""ZD303 unbatched-write."""

from __future__ import annotations

import pytest
from django.db import migrations, models

from tests.lint.judging import create_refund, in_database_only, in_state_only, judge, run_sql
from zero_downtime import operations as zd

UPDATE = "UPDATE shop_order SET note = ''"


def test_a_write_over_a_whole_table_is_one_long_transaction() -> None:
    [finding] = judge(run_sql(UPDATE))

    assert finding.rule == "ZD303"
    assert finding.hazards == ("long-transaction",)
    assert finding.severity == "warning"
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'UPDATE goes through the whole table "shop_order" in one transaction: rows stay locked '
        "until the last one is written."
    )
    assert "BackfillField" in finding.remedy


def test_without_a_transaction_the_statement_is_one_itself() -> None:
    [finding] = judge(run_sql(UPDATE), atomic=False)

    assert finding.hazards == ("long-transaction",)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM shop_order WHERE note IS NULL",
        "INSERT INTO shop_order (note) SELECT name FROM shop_customer",
        "UPDATE shop_order SET note = name FROM shop_customer WHERE customer_id = shop_customer.id",
    ],
)
def test_so_are_these(sql: str) -> None:
    [finding] = judge(run_sql(sql))

    assert finding.rule == "ZD303"
    assert finding.message.startswith(sql.split()[0])


def test_behind_a_schema_change_everybody_waits_for_it() -> None:
    nick = migrations.AddField("order", "nick", models.TextField(null=True))

    [behind] = judge(nick, run_sql(UPDATE))
    [before] = judge(run_sql(UPDATE), nick)
    [apart] = judge(nick, run_sql(UPDATE), atomic=False)

    assert behind.hazards == ("long-transaction", "blocks-reads", "blocks-writes")
    assert behind.severity == "error"
    assert 'Nobody can read or write "shop_order" until it is done.' in behind.message
    assert before.severity == apart.severity == "warning"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE shop_order SET note = '' WHERE id = 7",
        "INSERT INTO shop_order (note) VALUES ('')",
        "SELECT 1",
    ],
)
def test_a_few_rows_are_fine(sql: str) -> None:
    assert not judge(run_sql(sql))


def test_what_is_fine() -> None:
    fill = zd.BackfillField("order", "note", value="")

    assert not judge(fill, atomic=False)
    assert not judge(create_refund(), run_sql("UPDATE shop_refund SET id = id + 1"))
    assert not judge(in_state_only(run_sql(UPDATE)))
    assert len(judge(in_database_only(run_sql(UPDATE)))) == 1
