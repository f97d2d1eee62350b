"""ZD203 add-not-null-field-breaks-old-code."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.models import Field
from django.db.models.functions import Now
from django.utils import timezone

from tests.lint.judging import codes, judge, run_sql


def never_called() -> int:
    raise AssertionError("a linter must not call defaults: some ask the database")


@pytest.mark.parametrize(
    "field",
    [
        models.IntegerField(default=0),
        models.IntegerField(default=never_called),
        models.TextField(blank=True),
        models.DateTimeField(auto_now=True),
        models.DateTimeField(auto_now_add=True),
        models.ForeignKey("shop.Customer", models.CASCADE, default=1),
    ],
    ids=["default", "callable", "blank text", "auto_now", "auto_now_add", "foreign key"],
)
def test_a_default_in_python_is_none_for_old_code(field: Field[object, object]) -> None:
    [finding] = judge(migrations.AddField("order", "extra", field), rule="ZD203")

    assert finding.hazards == ("breaks-old-code",)
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert '" of table "shop_order" is NOT NULL' in finding.message


def test_the_remedy_repeats_a_plain_default() -> None:
    [finding] = judge(migrations.AddField("order", "priority", models.IntegerField(default=3)))

    assert "Give priority a db_default=3," in finding.remedy


def test_a_default_for_this_once_is_none_for_old_code_either() -> None:
    findings = judge(
        migrations.AddField(
            "order", "when", models.DateTimeField(default=timezone.now), preserve_default=False
        )
    )

    assert [finding.hazards for finding in findings] == [("breaks-old-code",)]


@pytest.mark.parametrize(
    "field",
    [
        models.IntegerField(),
        models.IntegerField(default=None),
        models.IntegerField(blank=True),
        models.ForeignKey("shop.Customer", models.CASCADE),
    ],
    ids=["nothing", "None", "blank number", "foreign key"],
)
def test_without_any_default_the_migration_fails_on_rows(field: Field[object, object]) -> None:
    [finding] = judge(migrations.AddField("order", "extra", field))

    assert finding.hazards == ("may-fail",)


@pytest.mark.parametrize(
    "field",
    [
        models.IntegerField(null=True),
        models.IntegerField(db_default=0),
        models.IntegerField(default=2, db_default=1),
        models.DateTimeField(db_default=Now()),
        models.ManyToManyField("shop.Tag"),
        models.GeneratedField(
            expression=models.F("id") * 2,
            output_field=models.BigIntegerField(),
            db_persist=True,
        ),
    ],
    ids=["nullable", "db_default", "both defaults", "now", "many-to-many", "generated"],
)
def test_the_database_fills_these(field: Field[object, object]) -> None:
    assert not judge(migrations.AddField("order", "extra", field), rule="ZD203")


def test_a_new_table_has_no_old_code() -> None:
    refund = migrations.CreateModel("Refund", [("id", models.BigAutoField(primary_key=True))])
    amount = migrations.AddField("refund", "amount", models.IntegerField(default=0))

    assert not judge(refund, amount)
    assert codes(judge(migrations.AddField("order", "amount", amount.field))) == ["ZD203"]


ADD = "ALTER TABLE shop_order ADD slot integer NOT NULL DEFAULT 1"


@pytest.mark.parametrize("change", ["SET DEFAULT 2", "DROP NOT NULL"])
def test_what_makes_up_for_a_default_that_goes_is_fine(change: str) -> None:
    dropped = "ALTER TABLE shop_order ALTER slot DROP DEFAULT"
    instead = f"ALTER TABLE shop_order ALTER slot {change}"

    assert len(judge(run_sql(ADD, dropped), rule="ZD203")) == 1
    assert not judge(run_sql(ADD, dropped, instead), rule="ZD203")
    # A change of another column makes up for nothing.
    other = instead.replace("slot", "number")
    assert len(judge(run_sql(ADD, dropped, other), rule="ZD203")) == 1


@pytest.mark.parametrize(
    "column",
    [
        "slot bigint NOT NULL GENERATED ALWAYS AS IDENTITY",
        "slot bigint NOT NULL GENERATED ALWAYS AS (number * 2) STORED",
    ],
)
def test_postgresql_itself_fills_these(column: str) -> None:
    assert not judge(run_sql(f"ALTER TABLE shop_order ADD {column}"), rule="ZD203")
