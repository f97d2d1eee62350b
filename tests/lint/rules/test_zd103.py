"""ZD103 add-unique-blocks-reads."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.indexes import OpClass
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Lower

from tests.lint.judging import (
    create_refund,
    in_database_only,
    in_state_only,
    judge,
    judge_all,
    migration,
    run_sql,
)
from zero_downtime import operations as zd

NUMBER = models.UniqueConstraint(fields=["number"], name="order_number_uniq")


def test_a_unique_constraint_stops_everybody() -> None:
    [finding] = judge(migrations.AddConstraint("order", NUMBER))

    assert finding.rule == "ZD103"
    assert finding.hazards == ("blocks-reads", "blocks-writes", "may-fail", "breaks-old-code")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'Making values of table "shop_order" unique reads the whole table, and fails if two rows '
        'are alike. Nobody can read or write "shop_order" until it is done.'
    )
    assert "AddConstraintConcurrently('order', ...)" in finding.remedy
    assert finding.fixable


@pytest.mark.parametrize(
    "constraint",
    [
        models.UniqueConstraint(fields=["number"], condition=Q(note=None), name="number_uniq"),
        models.UniqueConstraint(fields=["number"], include=["status"], name="number_uniq"),
        models.UniqueConstraint(Lower("status"), name="number_uniq"),
        models.UniqueConstraint(
            fields=["status"], opclasses=["text_pattern_ops"], name="number_uniq"
        ),
        models.UniqueConstraint(OpClass("status", "text_pattern_ops"), name="number_uniq"),
    ],
    ids=["condition", "include", "expression", "opclasses", "OpClass"],
)
def test_what_django_makes_as_an_index_lets_reads_go_on(constraint: Any) -> None:
    [finding] = judge(migrations.AddConstraint("order", constraint))

    assert finding.rule == "ZD103"
    assert finding.hazards == ("blocks-writes", "may-fail", "breaks-old-code")


@pytest.mark.parametrize(
    "constraint",
    [
        models.UniqueConstraint(fields=["number"], deferrable=models.Deferrable.DEFERRED, name="u"),
        models.UniqueConstraint(fields=["number"], nulls_distinct=False, name="u"),
    ],
    ids=["deferrable", "nulls not distinct"],
)
def test_these_are_constraints_all_the_same(constraint: Any) -> None:
    [finding] = judge(migrations.AddConstraint("order", constraint))

    assert "blocks-reads" in finding.hazards


def test_a_unique_field() -> None:
    [finding] = judge(
        migrations.AlterField("order", "number", models.IntegerField(unique=True)), rule="ZD103"
    )

    assert finding.hazards == ("blocks-reads", "blocks-writes", "may-fail", "breaks-old-code")
    assert finding.remedy == "Use AlterFieldConcurrently in a migration with atomic = False."


def test_fields_that_are_unique_together() -> None:
    [finding] = judge(migrations.AlterUniqueTogether("order", {("number", "status")}))

    assert finding.rule == "ZD103"
    assert finding.remedy.startswith("Declare a UniqueConstraint in Meta.constraints instead")


def test_no_two_rows_are_alike_where_one_of_the_fields_is_unique_by_itself() -> None:
    with_key = models.UniqueConstraint(fields=["id", "number"], name="with_key")

    [constraint] = judge(migrations.AddConstraint("order", with_key))
    [together] = judge(migrations.AlterUniqueTogether("order", {("id", "number")}))

    assert constraint.hazards == together.hazards == ("blocks-reads", "blocks-writes")
    assert "fails" not in constraint.message


def test_a_new_column_that_is_null_has_no_two_equal_values() -> None:
    [finding] = judge(
        migrations.AddField("order", "slot", models.IntegerField(null=True, unique=True))
    )

    assert finding.rule == "ZD103"
    assert finding.hazards == ("blocks-reads", "blocks-writes")
    assert finding.remedy == "Use AddFieldConcurrently in a migration with atomic = False."


def test_one_with_a_default_has_nothing_else() -> None:
    one = models.IntegerField(db_default=1, unique=True)

    [finding] = judge(migrations.AddField("order", "slot", one))

    assert "may-fail" in finding.hazards


def test_by_sql() -> None:
    [constraint] = judge(run_sql("ALTER TABLE shop_order ADD CONSTRAINT n UNIQUE (number)"))
    [index] = judge(run_sql("CREATE UNIQUE INDEX n ON shop_order (number)"))

    assert constraint.hazards == ("blocks-reads", "blocks-writes", "may-fail", "breaks-old-code")
    assert index.hazards == ("blocks-writes", "may-fail", "breaks-old-code")
    assert "USING INDEX" in constraint.remedy


def test_a_concurrent_index_may_still_meet_two_rows_that_are_alike() -> None:
    [finding] = judge(
        run_sql("CREATE UNIQUE INDEX CONCURRENTLY n ON shop_order (number)"), atomic=False
    )

    assert finding.hazards == ("may-fail",)
    assert finding.severity == "warning"


def test_with_an_index_that_is_there_already_it_takes_an_instant() -> None:
    assert not judge(run_sql("ALTER TABLE shop_order ADD CONSTRAINT n UNIQUE USING INDEX n_idx"))


def test_behind_another_change_the_other_table_waits_as_well() -> None:
    partial = models.UniqueConstraint(fields=["number"], condition=Q(note=None), name="uniq")
    operations = (
        migrations.AddField("customer", "nick", models.TextField(null=True)),
        migrations.AddConstraint("order", partial),
    )

    [together] = judge(*operations)
    [each_for_itself] = judge(*operations, atomic=False)

    assert together.hazards == ("blocks-reads", "blocks-writes", "may-fail", "breaks-old-code")
    assert together.tables == ("shop_order", "shop_customer")
    assert each_for_itself.hazards == ("blocks-writes", "may-fail", "breaks-old-code")
    assert each_for_itself.tables == ("shop_order",)


def test_what_is_fine() -> None:
    on_refund = models.UniqueConstraint(fields=["id"], name="refund_uniq")
    add = migrations.AddConstraint("order", NUMBER)

    assert not judge(zd.AddConstraintConcurrently("order", NUMBER), atomic=False)
    assert not judge(create_refund(), migrations.AddConstraint("refund", on_refund))
    assert not judge(in_state_only(add))
    assert len(judge(in_database_only(add))) == 1
    assert not judge(migrations.AddConstraint("legacyorder", on_refund))
    assert not judge(migrations.AlterUniqueTogether("order", set()))


def test_nor_where_some_of_them_are_unique_together() -> None:
    together = migrations.AlterUniqueTogether("order", {("number", "status")})
    wider = models.UniqueConstraint(fields=["number", "status", "note"], name="wider")
    add = migrations.AddConstraint("order", wider)

    [finding] = judge_all(migration("0002", together), migration("0003", add), rule="ZD103")[1:]

    assert finding.hazards == ("blocks-reads", "blocks-writes")
