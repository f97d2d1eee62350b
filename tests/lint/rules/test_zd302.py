"""ZD302 non-atomic-operation-in-transaction."""

from __future__ import annotations

import pytest
from django.contrib.postgres import operations as postgres
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import codes, judge, judge_all, migration, run_sql
from zero_downtime import operations as zd

INDEX = models.Index(fields=["note"], name="note_idx")
REFUSING = [
    zd.AddIndexConcurrently("order", INDEX),
    zd.BackfillField("order", "note", value=""),
    zd.ExpandRenameField("order", "note", "remark"),
    postgres.AddIndexConcurrently("order", INDEX),
]


@pytest.mark.parametrize("operation", REFUSING, ids=lambda operation: type(operation).__name__)
def test_in_an_atomic_migration_it_will_fail(operation: Operation) -> None:
    [finding] = judge(operation)

    assert finding.rule == "ZD302"
    assert finding.severity == "error"
    assert finding.hazards == ("may-fail",)
    assert type(operation).__name__ in finding.message
    assert "`atomic = False`" in finding.remedy
    assert judge(operation, atomic=False) == []


def test_so_it_will_on_a_table_that_is_new() -> None:
    create = migrations.CreateModel("Refund", [("id", models.BigAutoField(primary_key=True))])
    change = migration("0002_change", create, zd.BackfillField("refund", "id", value=1))

    assert codes(judge_all(change)) == ["ZD302"]


def test_so_it_will_when_nested() -> None:
    nested = migrations.SeparateDatabaseAndState([zd.BackfillField("order", "note", value="")])

    assert codes(judge(nested)) == ["ZD302"]


def test_the_state_alone_needs_no_transaction() -> None:
    add = zd.AddIndexConcurrently("order", INDEX)

    assert judge(migrations.SeparateDatabaseAndState(state_operations=[add])) == []


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE sales DETACH PARTITION sales_2020 CONCURRENTLY",
        "VACUUM sales_2020, sales_2021",
        "DO $$ BEGIN LOOP DELETE FROM log WHERE id < 10; COMMIT; END LOOP; END $$",
    ],
)
def test_one_statement_that_does_several_things_is_sent_alone(sql: str) -> None:
    assert "ZD302" not in codes(judge(run_sql(sql, "SELECT 1"), atomic=False))
    assert "ZD302" in codes(judge(run_sql(f"{sql}; SELECT 1"), atomic=False))
    assert "ZD302" in codes(judge(run_sql(sql)))
