"""ZD104 add-check-blocks-reads."""

from __future__ import annotations

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q

from tests.lint.judging import create_refund, in_database_only, in_state_only, judge, run_sql
from zero_downtime import operations as zd

POSITIVE = models.CheckConstraint(condition=Q(number__gt=0), name="number_positive")


def test_a_check_reads_the_table_under_a_full_lock() -> None:
    [finding] = judge(migrations.AddConstraint("order", POSITIVE))

    assert finding.rule == "ZD104"
    assert finding.hazards == ("blocks-reads", "blocks-writes", "may-fail", "breaks-old-code")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'A CHECK on table "shop_order" reads the whole table, and fails if one row does not '
        'fulfil it. Nobody can read or write "shop_order" until it is done.'
    )
    assert finding.remedy == "Use AddConstraintConcurrently in a migration with atomic = False."
    assert finding.fixable


def test_without_a_transaction_it_is_the_same() -> None:
    [finding] = judge(migrations.AddConstraint("order", POSITIVE), atomic=False)

    assert "blocks-reads" in finding.hazards


def test_a_positive_number_brings_a_check_that_no_new_column_fails() -> None:
    stock = models.PositiveIntegerField(null=True)

    [finding] = judge(migrations.AddField("order", "stock", stock))

    assert finding.rule == "ZD104"
    assert finding.hazards == ("blocks-reads", "blocks-writes")
    assert "AddFieldConcurrently" in finding.remedy


def test_one_that_is_there_may_be_negative() -> None:
    [finding] = judge(migrations.AlterField("order", "number", models.PositiveIntegerField()))

    assert finding.rule == "ZD104"
    assert "may-fail" in finding.hazards
    assert "AlterFieldConcurrently" in finding.remedy


def test_it_may_go_again() -> None:
    create = create_refund(number=models.PositiveIntegerField())
    assert not judge(create, migrations.AlterField("refund", "number", models.IntegerField()))


def test_by_sql() -> None:
    check = "ALTER TABLE shop_order ADD CONSTRAINT positive CHECK (number > 0)"

    [finding] = judge(run_sql(check))
    [with_column] = judge(run_sql("ALTER TABLE shop_order ADD stock integer CHECK (stock > 0)"))

    assert finding.rule == with_column.rule == "ZD104"
    assert "NOT VALID" in finding.remedy
    assert not judge(run_sql(f"{check} NOT VALID"))


def test_what_is_fine() -> None:
    on_refund = models.CheckConstraint(condition=Q(id__gt=0), name="refund_positive")
    add = migrations.AddConstraint("order", POSITIVE)

    assert not judge(zd.AddConstraintConcurrently("order", POSITIVE), atomic=False)
    assert not judge(AddConstraintNotValid("order", POSITIVE))
    assert not judge(create_refund(), migrations.AddConstraint("refund", on_refund))
    assert not judge(in_state_only(add))
    assert len(judge(in_database_only(add))) == 1
    assert not judge(migrations.AddConstraint("legacyorder", on_refund))
