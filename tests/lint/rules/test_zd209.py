"""ZD209 drop-unique-breaks-upserts."""

from __future__ import annotations

<<<<<<< HEAD
from django.db import migrations, models

from tests.lint.judging import codes, judge, judge_all, migration
from zero_downtime import operations as zd
from zero_downtime.lint.findings import Finding

ONE_NUMBER = models.UniqueConstraint(fields=["number"], name="one_number")
LIVELY = models.UniqueConstraint(
    fields=["number"], condition=models.Q(note__isnull=False), name="one_number"
)


def drop(constraint: models.UniqueConstraint) -> list[Finding]:
    """Judge that a constraint goes which an earlier migration has made."""
    made = migration("0002_add", zd.AddConstraintConcurrently("order", constraint), atomic=False)
    gone = migration("0003_drop", migrations.RemoveConstraint("order", "one_number"))
    return judge_all(made, gone)


def test_upserts_need_the_constraint() -> None:
    [finding] = drop(ONE_NUMBER)
=======
import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import (
    create_refund,
    in_database_only,
    in_state_only,
    judge,
    judge_all,
    migration,
    run_sql,
)

NUMBER = models.UniqueConstraint(fields=["number"], name="number_uniq")
OPEN = models.UniqueConstraint(fields=["number"], condition=models.Q(note=None), name="open_uniq")
NOT_UNIQUE = migrations.AlterField("customer", "email", models.EmailField(db_column="mail"))


def test_what_is_not_unique_any_more_has_no_conflict_to_act_upon() -> None:
    [finding] = judge(NOT_UNIQUE)
>>>>>>> ruletests

    assert finding.rule == "ZD209"
    assert finding.hazards == ("breaks-old-code",)
    assert finding.severity == "warning"
<<<<<<< HEAD
    assert finding.tables == ("shop_order",)
    assert "ON CONFLICT" in finding.message


def test_be_it_an_index_for_postgresql() -> None:
    assert codes(drop(LIVELY)) == ["ZD209"]


def test_a_check_is_another_matter() -> None:
    check = models.CheckConstraint(condition=models.Q(number__gt=0), name="one_number")
    made = migration("0002_add", zd.AddConstraintConcurrently("order", check), atomic=False)

    assert not judge_all(
        made, migration("0003_drop", migrations.RemoveConstraint("order", "one_number"))
    )


def test_unique_together_and_unique_fields_as_well() -> None:
    together = migrations.AlterUniqueTogether("order", {("customer", "number")})
    none = migrations.AlterUniqueTogether("order", set())
    unique = zd.AlterFieldConcurrently("order", "number", models.IntegerField(unique=True))
    ordinary = migrations.AlterField("order", "number", models.IntegerField())

    assert "ZD209" in codes(judge(together, none))
    assert codes(
        judge_all(migration("0002_add", unique, atomic=False), migration("0003_drop", ordinary))
    ) == ["ZD209"]


def test_a_new_table_has_no_old_code() -> None:
    assert not judge(
        migrations.CreateModel(
            "Refund",
            [("id", models.BigAutoField(primary_key=True)), ("number", models.IntegerField())],
            options={"constraints": [models.UniqueConstraint(fields=["number"], name="one")]},
        ),
        migrations.RemoveConstraint("refund", "one"),
    )
=======
    assert finding.tables == ("shop_customer",)
    assert finding.message == (
        'Values of table "shop_customer" are not unique any more: INSERTs of running code with '
        "ON CONFLICT on them fail."
    )
    assert "ignore[ZD209]" in finding.remedy


@pytest.mark.parametrize(
    ("before", "drop"),
    [
        (migrations.AddConstraint("order", NUMBER), "number_uniq"),
        (migrations.AddConstraint("order", OPEN), "open_uniq"),
    ],
    ids=["constraint", "index"],
)
def test_a_constraint_of_either_kind(before: Operation, drop: str) -> None:
    [finding] = judge_all(
        migration("0002_add", before),
        migration("0003_drop", migrations.RemoveConstraint("order", drop)),
        rule="ZD209",
    )[-1:]

    assert finding.migration == "0003_drop"


def test_fields_that_were_unique_together() -> None:
    together = migrations.AlterUniqueTogether("order", {("number", "status")})
    no_more = migrations.AlterUniqueTogether("order", set())
    other = migrations.AlterUniqueTogether("order", {("number", "note")})

    assert (
        len(judge_all(migration("0002", together), migration("0003", no_more), rule="ZD209")) == 1
    )
    # What takes its place is said by other rules to be slow, and is unique.
    assert not judge_all(migration("0002", together), migration("0003", other), rule="ZD209")


def test_what_is_fine() -> None:
    index = models.Index(fields=["number"], name="number_idx")

    assert not judge(in_state_only(NOT_UNIQUE))
    assert len(judge(in_database_only(NOT_UNIQUE))) == 1
    assert not judge(
        create_refund(number=models.IntegerField(unique=True)),
        migrations.AlterField("refund", "number", models.IntegerField()),
    )
    assert not judge_all(
        migration("0002_add", migrations.AddIndex("order", index)),
        migration("0003_drop", migrations.RemoveIndex("order", "number_idx")),
        rule="ZD209",
    )
    assert not judge(run_sql("ALTER TABLE shop_order DROP CONSTRAINT some_check"), rule="ZD209")
>>>>>>> ruletests
