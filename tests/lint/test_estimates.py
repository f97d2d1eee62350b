"""What the sizes of tables make of findings."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models import Q

from tests.lint.judging import judge
from zero_downtime.lint.estimates import with_sizes
from zero_downtime.lint.findings import Finding
from zero_downtime.lint.sizes import Sizes

SMALL = 10_000
INDEX = migrations.AddIndex("order", models.Index(fields=["status"], name="order_status_idx"))
CHECK = migrations.AddConstraint(
    "order", models.CheckConstraint(condition=Q(number__gt=0), name="number_positive")
)
NEW_COLUMN = migrations.AddField("order", "priority", models.PositiveIntegerField(default=0))


def found(operation: Operation, **rows: int) -> list[Finding]:
    """Judge the operation where tables have that many rows."""
    return list(with_sizes(judge(operation), Sizes(rows), SMALL))


def test_a_large_table_takes_a_time_that_can_be_told() -> None:
    [finding] = found(INDEX, shop_order=120_000_000)

    assert finding.message.endswith(" About 2 min of blocked writes on 120 M rows.")


@pytest.mark.parametrize(
    ("rows", "estimate"),
    [
        (SMALL, "less than a second of blocked reads and writes on 10 k rows."),
        (70_000_000, "10 s of blocked reads and writes on 70 M rows."),
        (30_000_000_000, "71 min of blocked reads and writes on 30000 M rows."),
        (60_000_000_000, "2 h of blocked reads and writes on 60000 M rows."),
    ],
)
def test_times_are_told_as_people_do(rows: int, estimate: str) -> None:
    [finding] = found(CHECK, shop_order=rows)

    assert finding.message.endswith(f" About {estimate}")


def test_nobody_waits_for_a_small_table() -> None:
    assert found(INDEX, shop_order=SMALL - 1) == []


def test_it_can_fail_all_the_same() -> None:
    [finding] = found(CHECK, shop_order=SMALL - 1)

    assert finding.hazards == ("may-fail", "breaks-old-code")
    assert finding.severity == "warning"


def test_and_old_code_breaks_all_the_same() -> None:
    check, not_null = found(NEW_COLUMN, shop_order=1_000_000_000)
    assert check.hazards == ("blocks-reads", "blocks-writes")

    assert [not_null] == found(NEW_COLUMN, shop_order=0)
    assert not_null.hazards == ("breaks-old-code",)
    assert not_null.severity == "error"


def test_a_table_of_unknown_size_is_taken_to_be_large() -> None:
    assert found(INDEX, shop_customer=5) == judge(INDEX)
