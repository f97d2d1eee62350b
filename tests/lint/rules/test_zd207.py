"""ZD207 alter-type-converts-values."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest
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

Field: TypeAlias = "models.Field[Any, Any]"


def alter(before: Field, after: Field) -> list[Finding]:
    return judge_all(
        migration("0002_before", migrations.AddField("order", "altered", before)),
        migration("0003_after", migrations.AlterField("order", "altered", after)),
        rule="ZD207",
    )


def char(length: int) -> Field:
    return models.CharField(max_length=length, null=True)


def decimal(digits: int, places: int) -> Field:
    return models.DecimalField(max_digits=digits, decimal_places=places, null=True)


INTEGER = models.IntegerField(null=True)
TEXT = models.TextField(null=True)


def test_a_text_that_is_too_long_is_cut_off() -> None:
    [finding] = judge(migrations.AlterField("order", "note", char(10)), rule="ZD207")

    assert finding.hazards == ("loses-data", "irreversible", "breaks-old-code")
    assert finding.severity == "warning"
    assert finding.tables == ("shop_order",)
    assert finding.message == (
        'Column "note" of table "shop_order" changes from text to varchar(10): what does not fit '
        "is cut off or rounded without an error; what running code writes may not fit."
    )
    assert "forward= and backward=" in finding.remedy
    assert finding.fixable


@pytest.mark.parametrize(
    ("before", "after", "hazards"),
    [
        # Django says USING only where the kind of the field changes.
        (char(20), char(10), ("may-fail", "breaks-old-code")),
        (
            char(20),
            models.SlugField(max_length=10, null=True),
            ("loses-data", "irreversible", "breaks-old-code"),
        ),
        (models.BigIntegerField(null=True), INTEGER, ("may-fail", "breaks-old-code")),
        (decimal(8, 2), decimal(6, 2), ("may-fail", "breaks-old-code")),
        (decimal(8, 4), decimal(8, 2), ("loses-data", "irreversible")),
        (decimal(8, 2), INTEGER, ("loses-data", "irreversible")),
        (TEXT, INTEGER, ("may-fail", "breaks-old-code")),
        (INTEGER, TEXT, ("breaks-old-code",)),
        (INTEGER, char(3), ("loses-data", "irreversible", "breaks-old-code")),
        (
            INTEGER,
            models.BooleanField(null=True),
            ("loses-data", "irreversible", "breaks-old-code"),
        ),
        (
            models.DateTimeField(null=True),
            models.DateField(null=True),
            ("loses-data", "irreversible"),
        ),
        (INTEGER, models.DateField(null=True), ("may-fail",)),
    ],
    ids=lambda value: getattr(value, "get_internal_type", lambda: ",".join(value))(),
)
def test_what_becomes_of_values(before: Field, after: Field, hazards: tuple[str, ...]) -> None:
    [finding] = alter(before, after)

    assert finding.hazards == hazards


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (char(10), char(20)),
        (char(10), TEXT),
        (INTEGER, models.BigIntegerField(null=True)),
        (decimal(8, 2), decimal(10, 4)),
        (models.DateField(null=True), models.DateTimeField(null=True)),
        (INTEGER, models.PositiveIntegerField(null=True)),
    ],
)
def test_what_has_room_for_all_values_is_fine(before: Field, after: Field) -> None:
    assert alter(before, after) == []


def test_what_breaks_old_code_is_an_error() -> None:
    [breaking] = alter(INTEGER, TEXT)
    [impossible] = alter(INTEGER, models.DateField(null=True))

    assert breaking.severity == "error"
    assert "running code writes and reads values of the former type" in breaking.message
    assert impossible.severity == "warning"
    assert "PostgreSQL has no cast for that, so it fails" in impossible.message


def test_postgresql_refuses_if_a_view_shows_the_column() -> None:
    view = run_sql("CREATE VIEW notes AS SELECT note FROM shop_order")
    widen = migrations.AlterField("order", "status", models.CharField(max_length=20))
    retype = migrations.AlterField("order", "note", char(10))

    [finding] = judge_all(
        migration("0002_view", view), migration("0003_type", retype), rule="ZD207"
    )

    assert finding.hazards == ("may-fail",)
    assert finding.severity == "error"
    assert finding.message == (
        'PostgreSQL refuses to change the type of column "note" of table "shop_order": "notes" '
        "needs it as it is."
    )
    assert "make it again after" in finding.remedy
    # Not of a column that it does not show, nor when it is gone.
    assert not judge(view, widen)
    assert judge(view, run_sql("DROP VIEW notes"), retype, rule="ZD207")[0].hazards == (
        "loses-data",
        "irreversible",
        "breaks-old-code",
    )


def test_by_sql_a_length_is_kept_to() -> None:
    change = "ALTER TABLE shop_order ALTER note TYPE varchar(10)"

    [plain] = judge(run_sql(change), rule="ZD207")
    [cast] = judge(run_sql(f"{change} USING note::varchar(10)"), rule="ZD207")

    assert plain.hazards == ("may-fail", "breaks-old-code")
    assert cast.hazards == ("loses-data", "irreversible", "breaks-old-code")


def test_the_type_of_a_column_that_no_model_has_is_not_known() -> None:
    assert not judge(run_sql("ALTER TABLE other ALTER note TYPE varchar(10)"), rule="ZD207")


def test_a_foreign_key_says_itself_if_values_do_not_fit() -> None:
    becomes_key = models.ForeignKey("shop.Customer", models.CASCADE, db_column="number")
    key = migrations.AlterField("customer", "id", models.IntegerField(primary_key=True))

    assert not judge(migrations.AlterField("order", "number", becomes_key), rule="ZD207")
    # One finding for the primary key, none for those that point at it.
    assert [finding.tables for finding in judge(key, rule="ZD207")] == [("shop_customer",)]


def test_what_is_fine() -> None:
    narrower = migrations.AlterField("order", "note", char(10))

    assert not judge(create_refund(note=TEXT), migrations.AlterField("refund", "note", char(10)))
    assert not judge(in_state_only(narrower))
    assert len(judge(in_database_only(narrower), rule="ZD207")) == 1
    assert not judge(migrations.AlterField("legacyorder", "note", char(10)))
