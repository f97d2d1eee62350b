"""ZD209 drop-unique-breaks-upserts."""

from __future__ import annotations

from django.db import migrations, models

from tests.lint.judging import (
    create_refund,
    in_database_only,
    in_state_only,
    judge,
    judge_all,
    migration,
    run_sql,
)
from zero_downtime.lint.findings import Finding

NUMBER = models.UniqueConstraint(fields=["number"], name="number_uniq")
OPEN = models.UniqueConstraint(fields=["number"], condition=models.Q(note=None), name="open_uniq")
NOT_UNIQUE = migrations.AlterField("customer", "email", models.EmailField(db_column="mail"))


def test_what_is_not_unique_any_more_has_no_conflict_to_act_upon() -> None:
    [finding] = judge(NOT_UNIQUE)

    assert finding.rule == "ZD209"
    assert finding.hazards == ("breaks-old-code",)
    assert finding.severity == "warning"
    assert finding.tables == ("shop_customer",)
    assert finding.message == (
        'Values of table "shop_customer" are not unique any more: INSERTs of running code with '
        "ON CONFLICT on them fail."
    )
    assert "ignore[ZD209]" in finding.remedy


def drop(constraint: models.UniqueConstraint) -> list[Finding]:
    """Judge that a constraint goes which the migration before has made."""
    return judge_all(
        migration("0002_add", migrations.AddConstraint("order", constraint)),
        migration("0003_drop", migrations.RemoveConstraint("order", constraint.name)),
        rule="ZD209",
    )


def test_a_constraint() -> None:
    [finding] = drop(NUMBER)

    assert finding.migration == "0003_drop"


def test_no_upsert_that_django_writes_finds_an_index_with_a_condition() -> None:
    assert not drop(OPEN)


def test_fields_that_were_unique_together() -> None:
    together = migrations.AlterUniqueTogether("order", {("number", "status")})
    no_more = migrations.AlterUniqueTogether("order", set())
    other = migrations.AlterUniqueTogether("order", {("number", "note")})

    assert (
        len(judge_all(migration("0002", together), migration("0003", no_more), rule="ZD209")) == 1
    )
    # What takes its place is about other columns.
    assert len(judge_all(migration("0002", together), migration("0003", other), rule="ZD209")) == 1


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
