"""ZD204 alter-field-rewrites-table."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import codes, judge, judge_all, migration
from zero_downtime import operations as zd
from zero_downtime.lint.findings import Finding


def alter(before: models.Field[Any, Any], after: models.Field[Any, Any]) -> list[Finding]:
    """Judge a field of orders that is there, and changes."""
    return judge_all(
        migration("0002_before", migrations.AddField("order", "altered", before)),
        migration("0003_after", migrations.AlterField("order", "altered", after)),
        rule="ZD204",
    )


def decimal(digits: int, places: int) -> models.Field[Any, Any]:
    return models.DecimalField(max_digits=digits, decimal_places=places, null=True)


def test_another_type_rewrites_the_table() -> None:
    [finding] = judge(migrations.AlterField("order", "number", models.BigIntegerField()))

    assert finding.rule == "ZD204"
    assert finding.hazards == ("blocks-reads", "blocks-writes")
    assert finding.severity == "error"
    assert finding.tables == ("shop_order",)
    assert finding.message.startswith('Changing column "number" from integer to bigint writes')
    assert finding.remedy.startswith("Use ExpandAlterField, BackfillField, SwitchAlterField and ")
    assert finding.fixable


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (models.CharField(max_length=36, null=True), models.UUIDField(null=True)),
        (models.TextField(null=True), models.IntegerField(null=True)),
        (models.TextField(null=True), models.CharField(max_length=50, null=True)),
        (models.CharField(max_length=20, null=True), models.CharField(max_length=10, null=True)),
        (decimal(8, 2), decimal(8, 4)),
        (decimal(8, 2), decimal(6, 2)),
        (models.DateField(null=True), models.DateTimeField(null=True)),
        (models.JSONField(null=True), models.TextField(null=True)),
        (
            ArrayField(models.IntegerField(), null=True),
            ArrayField(models.BigIntegerField(), null=True),
        ),
    ],
)
def test_so_do_these(before: models.Field[Any, Any], after: models.Field[Any, Any]) -> None:
    assert codes(alter(before, after)) == ["ZD204"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (models.CharField(max_length=10, null=True), models.CharField(max_length=20, null=True)),
        (models.CharField(max_length=10, null=True), models.TextField(null=True)),
        (models.EmailField(null=True), models.CharField(max_length=254, null=True)),
        (models.SlugField(null=True), models.SlugField(null=True, db_index=False)),
        (decimal(8, 2), decimal(10, 2)),
        (models.IntegerField(null=True), models.PositiveIntegerField(null=True)),
        (models.IntegerField(null=True), models.IntegerField(null=True, choices=[(1, "one")])),
        (
            ArrayField(models.IntegerField(), null=True, size=3),
            ArrayField(models.IntegerField(), null=True, size=4),
        ),
    ],
)
def test_more_room_and_the_same_type_do_not(
    before: models.Field[Any, Any], after: models.Field[Any, Any]
) -> None:
    assert alter(before, after) == []


def test_a_primary_key_takes_those_that_refer_to_it_along() -> None:
    [finding] = judge(
        migrations.AlterField("customer", "id", models.UUIDField(primary_key=True)), rule="ZD204"
    )

    assert '"shop_customer", and 1 that refer to it, anew' in finding.message
    assert finding.tables == ("shop_customer", "shop_order")
    assert finding.fixable


def test_a_foreign_key_has_the_type_of_what_it_points_at() -> None:
    to_customer = models.ForeignKey("shop.Customer", models.CASCADE, null=True)
    to_mail = models.ForeignKey("shop.Customer", models.CASCADE, null=True, to_field="email")
    to_profile = models.ForeignKey("shop.Profile", models.CASCADE, null=True)
    profile: list[Operation] = [
        migrations.CreateModel(
            "Profile",
            [
                (
                    "customer",
                    models.OneToOneField("shop.Customer", models.CASCADE, primary_key=True),
                )
            ],
        ),
        migrations.AddField("order", "altered", to_customer),
    ]

    assert codes(alter(to_customer, to_mail)) == ["ZD204"]
    points_elsewhere = migrations.AlterField("order", "altered", to_profile)
    assert judge(*profile, points_elsewhere, rule="ZD204") == []
    # Not known, so nothing is said.
    elsewhere = models.ForeignKey("elsewhere.Customer", models.CASCADE, null=True)
    assert alter(to_customer, elsewhere) == []


def test_what_is_not_of_running_code_is_fine() -> None:
    wider = models.BigIntegerField()
    assert not judge(
        migrations.CreateModel(
            "Refund",
            [("id", models.BigAutoField(primary_key=True)), ("number", models.IntegerField())],
        ),
        migrations.AlterField("refund", "number", wider),
    )
    assert not judge(migrations.AlterField("legacyorder", "note", models.IntegerField(null=True)))
    state_only = [migrations.AlterField("order", "number", wider)]
    assert not judge(migrations.SeparateDatabaseAndState(state_operations=state_only))


def test_fields_without_a_column_of_a_type_are_fine() -> None:
    assert not judge(migrations.AlterField("order", "tags", models.ManyToManyField("shop.Tag")))


def test_the_safe_operations_are_fine() -> None:
    arguments = ("order", "number", models.BigIntegerField())
    fill = zd.BackfillField("order", "number")

    assert not judge_all(
        migration("0002_expand", zd.ExpandAlterField(*arguments), fill, atomic=False),
        migration("0003_switch", zd.SwitchAlterField(*arguments), atomic=False),
        migration("0004_contract", zd.ContractAlterField(*arguments), atomic=False),
    )


def test_a_column_that_moves_as_well_has_to_do_so_on_its_own() -> None:
    moved = models.BigIntegerField(db_column="no")
    [finding] = judge(migrations.AlterField("order", "number", moved), rule="ZD204")

    assert finding.remedy.startswith("Change the type first, in the column that it has")
    assert not finding.fixable


def test_so_has_a_default_for_once() -> None:
    """The three operations would not know where it comes from."""
    number = models.IntegerField(default=0)
    alter = migrations.AlterField("order", "note", number, preserve_default=False)
    [finding] = judge(alter, rule="ZD204")

    assert finding.remedy.startswith("Change the type first, and let it be NULL still")
    assert not finding.fixable
