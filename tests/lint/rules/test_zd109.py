"""ZD109 heavy-command."""

from __future__ import annotations

import pytest
from django.db import migrations, models

from tests.lint.judging import create_refund, in_database_only, in_state_only, judge, run_sql


def test_reindexing_a_table_stops_those_who_write() -> None:
    [finding] = judge(run_sql("REINDEX TABLE shop_order"))

    assert finding.rule == "ZD109"
    assert finding.severity == "error"
    assert "blocks-writes" in finding.hazards
    assert finding.tables == ("shop_order",)
    assert finding.message.startswith('REINDEX TABLE goes through the whole of "shop_order".')
    assert "CONCURRENTLY" in finding.remedy
    assert not finding.fixable


@pytest.mark.parametrize(
    "sql",
    [
        "VACUUM FULL shop_order",
        "VACUUM (FULL, ANALYZE) shop_order",
        "CLUSTER shop_order USING shop_order_pkey",
        "ALTER TABLE shop_order SET UNLOGGED",
    ],
)
def test_these_stop_reads_as_well(sql: str) -> None:
    [finding] = judge(run_sql(sql), atomic=False)

    assert finding.rule == "ZD109"
    assert finding.hazards == ("blocks-reads", "blocks-writes")


@pytest.mark.parametrize(
    "sql",
    [
        "VACUUM shop_order",
        "ANALYZE shop_order",
        "REINDEX TABLE CONCURRENTLY shop_order",
    ],
)
def test_these_stop_nobody(sql: str) -> None:
    assert not judge(run_sql(sql), atomic=False)


@pytest.mark.parametrize(
    ("sql", "hazards"),
    [
        ("REINDEX INDEX shop_order_pkey", ("blocks-writes",)),
        ("ALTER DOMAIN percentage ADD CHECK (value <= 100)", ("blocks-writes",)),
        ("VACUUM FULL", ("blocks-reads", "blocks-writes")),
    ],
)
def test_a_table_that_the_sql_does_not_name_is_stopped_all_the_same(
    sql: str, hazards: tuple[str, ...]
) -> None:
    [finding] = judge(run_sql(sql), atomic=False)

    assert finding.rule == "ZD109"
    assert finding.severity == "warning"
    assert finding.hazards == hazards
    assert finding.tables == ()
    assert "which the SQL does not name" in finding.message


@pytest.mark.parametrize(
    "sql",
    [
        "REINDEX INDEX CONCURRENTLY shop_order_pkey",
        "ALTER DOMAIN percentage ADD CHECK (value <= 100) NOT VALID",
        "VACUUM",
    ],
)
def test_these_stop_no_unnamed_table_either(sql: str) -> None:
    assert not judge(run_sql(sql), atomic=False)


def test_a_lock_that_is_taken_by_hand_makes_others_wait_for_what_follows() -> None:
    lock = run_sql("LOCK TABLE shop_order")
    index = migrations.AddIndex("customer", models.Index(fields=["name"], name="name_idx"))

    [finding] = judge(lock, index)

    assert finding.rule == "ZD101"
    assert finding.hazards == ("blocks-reads", "blocks-writes")
    assert not judge(lock)


def test_what_is_fine() -> None:
    heavy = run_sql("REINDEX TABLE shop_order")

    assert not judge(create_refund(), run_sql("REINDEX TABLE shop_refund"))
    assert not judge(in_state_only(heavy))
    assert len(judge(in_database_only(heavy))) == 1


def test_a_view_is_filled_in_one_transaction() -> None:
    [plain] = judge(run_sql("REFRESH MATERIALIZED VIEW shop_totals"), atomic=False)
    [concurrent] = judge(
        run_sql("REFRESH MATERIALIZED VIEW CONCURRENTLY shop_totals"), atomic=False
    )

    assert plain.hazards == ("blocks-reads", "blocks-writes", "long-transaction")
    assert concurrent.hazards == ("blocks-writes", "long-transaction")
