"""ZD504 operation-fails."""

from __future__ import annotations

<<<<<<< HEAD
import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models import F

from tests.lint.judging import codes, judge

TAG_OF_ORDER = migrations.CreateModel(
    "OrderTag",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("order", models.ForeignKey("shop.Order", models.CASCADE)),
        ("tag", models.ForeignKey("shop.Tag", models.CASCADE)),
    ],
)
DOUBLE = models.GeneratedField(
    expression=F("number") * 2, output_field=models.IntegerField(), db_persist=False
)
TRIPLE = models.GeneratedField(
    expression=F("number") * 3, output_field=models.IntegerField(), db_persist=False
)


def alter(name: str, field: models.Field) -> Operation:  # type: ignore[type-arg]
=======
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import create_refund, in_database_only, in_state_only, judge

THROUGH = models.ManyToManyField("shop.Tag", through="shop.LegacyOrder")


def alter(field: models.Field[Any, Any], name: str = "tags") -> Operation:
>>>>>>> ruletests
    return migrations.AlterField("order", name, field)


@pytest.mark.parametrize(
<<<<<<< HEAD
    ("operation", "why"),
    [
        (alter("tags", models.ManyToManyField("shop.Tag", through="shop.OrderTag")), "through="),
        (alter("tags", models.TextField(null=True)), "to or from many-to-many"),
        (alter("note", models.ManyToManyField("shop.Tag")), "to or from many-to-many"),
        (alter("number", DOUBLE), "generated"),
    ],
)
def test_django_refuses_it(operation: Operation, why: str) -> None:
    [finding] = judge(TAG_OF_ORDER, operation)

    assert finding.rule == "ZD504"
    assert finding.hazards == ("may-fail",)
    assert finding.severity == "error"
    assert why in finding.message


def test_so_it_does_with_another_expression() -> None:
    added = migrations.AddField("order", "twice", DOUBLE)

    assert codes(judge(added, alter("twice", TRIPLE))) == ["ZD504"]
    assert judge(added, alter("twice", DOUBLE)) == []


def test_in_the_state_only_everything_goes() -> None:
    through = alter("tags", models.ManyToManyField("shop.Tag", through="shop.OrderTag"))

    assert not judge(migrations.SeparateDatabaseAndState(state_operations=[TAG_OF_ORDER, through]))


def test_another_name_for_the_table_between_is_another_matter() -> None:
    renamed = alter("tags", models.ManyToManyField("shop.Tag", db_table="tags_of_orders"))

    assert "ZD504" not in codes(judge(renamed))
=======
    "operation",
    [
        alter(THROUGH),
        alter(models.TextField(null=True)),
        alter(models.ManyToManyField("shop.Tag"), "note"),
        in_database_only(alter(THROUGH)),
    ],
    ids=["through", "from many-to-many", "to many-to-many", "nested"],
)
def test_what_django_refuses_when_it_runs(operation: Operation) -> None:
    [finding] = judge(operation, rule="ZD504")

    assert finding.hazards == ("may-fail",)
    assert finding.severity == "error"
    assert finding.message.startswith("It fails: ")
    assert finding.tables == ()
    assert "Add a new field" in finding.remedy


def test_on_a_new_table_it_fails_all_the_same() -> None:
    create = create_refund(tags=models.ManyToManyField("shop.Tag"))
    findings = judge(create, migrations.AlterField("refund", "tags", models.TextField(null=True)))

    assert [finding.rule for finding in findings] == ["ZD504"]


def test_what_is_fine() -> None:
    assert not judge(in_state_only(alter(THROUGH)))
    assert not judge(alter(models.ManyToManyField("shop.Tag", blank=True)))
    assert not judge(alter(models.TextField(null=True, blank=True), "note"))
>>>>>>> ruletests
