"""ZD501 identifier-too-long."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models import Q

from tests.lint.judging import in_database_only, in_state_only, judge
from zero_downtime import operations as zd

LONG = "n" * 64
FITTING = "n" * 63
OF_TWO_BYTES = "ü" * 32


def check(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(number__gt=0), name=name)


def text(**options: Any) -> models.Field[Any, Any]:
    return models.TextField(null=True, **options)


@pytest.mark.parametrize("name", [LONG, OF_TWO_BYTES])
def test_a_name_of_more_than_63_bytes_is_cut_off(name: str) -> None:
    [finding] = judge(migrations.AddConstraint("order", check(name)), rule="ZD501")

    assert finding.hazards == ()
    assert finding.severity == "warning"
    assert finding.message == f'"{name}" has more than 63 bytes: PostgreSQL cuts it off.'
    assert finding.remedy == "Choose a name of at most 63 bytes."


def create(table: str) -> Operation:
    key = ("id", models.BigAutoField(primary_key=True))
    return migrations.CreateModel("Refund", [key], options={"db_table": table})


@pytest.mark.parametrize(
    "operation",
    [
        zd.AddConstraintConcurrently("order", check(LONG)),
        migrations.AddField("order", "nick", text(db_column=LONG)),
        migrations.AlterField("order", "note", text(db_column=LONG)),
        migrations.AlterModelTable("order", LONG),
        create(LONG),
        in_database_only(migrations.AddField("order", "nick", text(db_column=LONG))),
    ],
    ids=["ours", "new column", "column", "table", "new table", "nested"],
)
def test_by_whatever_name_is_given(operation: Operation) -> None:
    assert len(judge(operation, atomic=False, rule="ZD501")) == 1


@pytest.mark.parametrize(
    "operation",
    [
        zd.AddConstraintConcurrently("order", check(FITTING)),
        migrations.AddField("order", "nick", text(db_column=FITTING)),
        migrations.AddField("order", LONG, text()),
        create(FITTING),
        in_state_only(create(LONG)),
    ],
    ids=["ours", "column", "no name given", "table", "state"],
)
def test_what_is_fine(operation: Operation) -> None:
    assert not judge(operation, atomic=False, rule="ZD501")


def test_a_table_that_has_such_a_name_is_not_to_blame_for_it_again() -> None:
    more = migrations.AddField("refund", "note", text())

    assert [finding.operation for finding in judge(create(LONG), more)] == [0]
