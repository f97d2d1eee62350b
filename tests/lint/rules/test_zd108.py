"""ZD108 validate-under-lock."""

from __future__ import annotations

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models
from django.db.models import Q

from tests.lint.judging import create_refund, in_state_only, judge, judge_all, migration, run_sql
from zero_downtime import operations as zd

POSITIVE = models.CheckConstraint(condition=Q(number__gt=0), name="number_positive")
ADD = AddConstraintNotValid("order", POSITIVE)
VALIDATE = ValidateConstraint("order", "number_positive")


def test_in_the_transaction_that_added_it_nothing_is_won() -> None:
    [finding] = judge(ADD, VALIDATE)

    assert finding.rule == "ZD108"
    assert finding.operation == 1
    assert finding.hazards == ("blocks-reads", "blocks-writes", "may-fail")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'Validating constraint "number_positive" reads the whole table "shop_order", and fails if '
        'one row does not fulfil it. Nobody can read or write "shop_order" until it is done.'
    )
    assert "AddConstraintConcurrently" in finding.remedy


def test_another_table_that_the_transaction_has_altered_waits_as_well() -> None:
    nick = migrations.AddField("tag", "nick", models.TextField(null=True))

    [finding] = judge_all(migration("0002_add", ADD), migration("0003_both", nick, VALIDATE))

    assert finding.hazards == ("blocks-reads", "blocks-writes", "may-fail")
    assert finding.tables == ("shop_order", "shop_tag")


def test_in_transactions_of_their_own_it_can_but_fail() -> None:
    [finding] = judge_all(migration("0002_add", ADD), migration("0003_validate", VALIDATE))
    [not_atomic] = judge(ADD, VALIDATE, atomic=False)

    assert finding.hazards == not_atomic.hazards == ("may-fail",)
    assert finding.severity == not_atomic.severity == "warning"
    assert "Nobody" not in finding.message


def test_by_sql() -> None:
    add = (
        "ALTER TABLE shop_order ADD CONSTRAINT c FOREIGN KEY (number) "
        "REFERENCES shop_customer NOT VALID"
    )
    validate = "ALTER TABLE shop_order VALIDATE CONSTRAINT c"

    [together] = judge(run_sql(add, validate))
    [apart] = judge(run_sql(add, validate), atomic=False)
    [in_one_string] = judge(run_sql(f"{add}; {validate}"), atomic=False)

    assert together.hazards == in_one_string.hazards == ("blocks-writes", "may-fail")
    assert apart.hazards == ("may-fail",)


def test_what_is_fine() -> None:
    on_refund = models.CheckConstraint(condition=Q(id__gt=0), name="positive")

    assert not judge(zd.AddConstraintConcurrently("order", POSITIVE), atomic=False)
    assert not judge(
        create_refund(),
        AddConstraintNotValid("refund", on_refund),
        ValidateConstraint("refund", "positive"),
    )
    assert not judge(in_state_only(ADD, VALIDATE))
