"""ZD310 enum-value-used-too-early."""

from __future__ import annotations

import pytest

from tests.lint.judging import judge, judge_all, migration, run_sql

ADD = "ALTER TYPE mood ADD VALUE 'fine'"
USE = "UPDATE shop_order SET status = 'fine' WHERE id = 7"


def test_a_value_cannot_be_used_in_the_transaction_that_adds_it() -> None:
    [finding] = judge(run_sql(ADD), run_sql(USE))

    assert finding.rule == "ZD310"
    assert finding.operation == 1
    assert finding.severity == "error"
    assert finding.hazards == ("may-fail",)
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        "'fine' is used in the transaction that has added it to an enum type: PostgreSQL refuses "
        "that until it is committed."
    )


@pytest.mark.parametrize(
    "use",
    [
        "DELETE FROM shop_order WHERE id = 7 AND status = 'fine'::mood",
        "INSERT INTO shop_order (status) VALUES ('bad'), ('fine')",
    ],
)
def test_wherever_it_stands(use: str) -> None:
    assert len(judge(run_sql(ADD, use), rule="ZD310")) == 1


def test_statements_of_one_string_are_one_transaction() -> None:
    assert len(judge(run_sql(f"{ADD}; {USE}"), atomic=False)) == 1
    assert not judge(run_sql(ADD, USE), atomic=False)
    assert not judge(run_sql(ADD), run_sql(USE), atomic=False)


def test_what_is_fine() -> None:
    other = "UPDATE shop_order SET status = 'bad' WHERE id = 7"
    create = run_sql("CREATE TYPE mood AS ENUM ('bad')")

    assert not judge(run_sql(ADD, other))
    assert not judge(run_sql(USE, ADD))
    assert not judge(create, run_sql(ADD, USE))
    assert not judge_all(migration("0002_add", run_sql(ADD)), migration("0003_use", run_sql(USE)))
