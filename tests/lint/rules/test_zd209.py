"""ZD209 drop-unique-breaks-upserts."""

from __future__ import annotations

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

    assert finding.rule == "ZD209"
    assert finding.hazards == ("breaks-old-code",)
    assert finding.severity == "warning"
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
