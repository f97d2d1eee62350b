"""ZD504 operation-fails."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from tests.lint.judging import create_refund, in_database_only, in_state_only, judge

THROUGH = models.ManyToManyField("shop.Tag", through="shop.LegacyOrder")


def alter(field: models.Field[Any, Any], name: str = "tags") -> Operation:
    return migrations.AlterField("order", name, field)


@pytest.mark.parametrize(
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
