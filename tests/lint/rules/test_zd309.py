"""ZD309 transaction-control."""

from __future__ import annotations

import pytest
from django.db import migrations, models

from tests.lint.judging import codes, in_state_only, judge, run_sql


def test_a_commit_ends_the_transaction_of_an_atomic_migration() -> None:
    [finding] = judge(run_sql("COMMIT"))

    assert finding.rule == "ZD309"
    assert finding.severity == "warning"
    assert finding.hazards == ()
    assert finding.message == (
        "COMMIT ends the transaction of the migration: what was done before stays, whatever "
        "becomes of the rest."
    )


@pytest.mark.parametrize(
    "texts",
    [
        ["BEGIN", "COMMIT"],
        ["BEGIN; COMMIT"],
        ["START TRANSACTION; END"],
        ["ROLLBACK"],
        ["ABORT"],
    ],
    ids=" ".join,
)
def test_however_it_is_written(texts: list[str]) -> None:
    assert codes(judge(run_sql(*texts))) == ["ZD309"]


def test_a_transaction_that_is_left_open_makes_the_migration_fail() -> None:
    [finding] = judge(run_sql("BEGIN"), atomic=False)

    assert finding.rule == "ZD309"
    assert finding.severity == "error"
    assert finding.hazards == ("may-fail",)
    assert finding.message == (
        "BEGIN begins a transaction that nobody ends: Django cannot record the migration in it, "
        "and fails."
    )


def test_one_of_its_own_is_fine() -> None:
    nick = migrations.AddField("order", "nick", models.TextField(null=True))

    assert not judge(run_sql("BEGIN", "SELECT 1", "COMMIT"), atomic=False)
    assert not judge(run_sql("BEGIN; SELECT 1; COMMIT"), atomic=False)
    assert not judge(run_sql("BEGIN"), nick, run_sql("COMMIT"), atomic=False)


def test_what_is_fine() -> None:
    assert not judge(run_sql("SAVEPOINT here", "ROLLBACK TO here", "RELEASE here"))
    assert not judge(in_state_only(run_sql("COMMIT")))
