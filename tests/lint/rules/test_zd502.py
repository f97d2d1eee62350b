"""ZD502 name-is-taken."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import in_database_only, in_state_only, judge, judge_all, migration, run_sql


def create(table: str | None = None) -> Operation:
    key = ("id", models.BigAutoField(primary_key=True))
    return migrations.CreateModel("Label", [key], options={"db_table": table} if table else {})


def test_a_table_of_that_name_is_there() -> None:
    [finding] = judge(create("shop_tag"))

    assert finding.rule == "ZD502"
    assert finding.hazards == ("may-fail",)
    assert finding.severity == "error"
    assert finding.message == (
        'There is a table "shop_tag" already: an earlier migration has made it.'
    )
    assert finding.tables == ()
    assert "SeparateDatabaseAndState" in finding.remedy


@pytest.mark.parametrize(
    "operation",
    [
        run_sql("CREATE TABLE shop_tag (id bigint)"),
        in_database_only(create("shop_tag")),
    ],
    ids=["sql", "nested"],
)
def test_by_other_ways(operation: Operation) -> None:
    assert [finding.rule for finding in judge(operation)] == ["ZD502"]


def test_a_table_that_sql_has_made() -> None:
    made = migration("0002_sql", run_sql("CREATE TABLE shop_label (id bigint)"))
    dropped = migration("0003_drop", run_sql("DROP TABLE shop_label"))
    again = migration("0004_label", create())

    assert len(judge_all(made, again, rule="ZD502")) == 1
    assert not judge_all(made, dropped, again, rule="ZD502")


def test_an_index_that_sql_has_made_be_it_of_another_table() -> None:
    index = models.Index(fields=["name"], name="name_idx")
    made = migration("0002_sql", run_sql("CREATE INDEX name_idx ON shop_tag (id)"))
    dropped = migration("0003_drop", run_sql("DROP INDEX name_idx"))
    again = migration("0004_index", migrations.AddIndex("customer", index))

    [finding] = judge_all(made, again, rule="ZD502")

    assert finding.message == (
        'There is an index "name_idx" already: an earlier migration has made it.'
    )
    assert not judge_all(made, dropped, again, rule="ZD502")


def test_if_not_exists_is_no_error() -> None:
    assert not judge(run_sql("CREATE TABLE IF NOT EXISTS shop_tag (id bigint)"))
    assert not judge_all(
        migration("0002_sql", run_sql("CREATE INDEX name_idx ON shop_tag (id)")),
        migration("0003_sql", run_sql("CREATE INDEX IF NOT EXISTS name_idx ON shop_tag (id)")),
        rule="ZD502",
    )


def test_what_is_fine() -> None:
    assert not judge(create())
    assert not judge(create("another"))
    assert not judge(in_state_only(create("shop_tag")))
