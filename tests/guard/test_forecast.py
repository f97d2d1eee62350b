"""What `migrate --plan` says of migrations, from their statements and the sizes of tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import F, Q

from tests.lint.judging import SHOP, create_refund, migration, run_sql
from zero_downtime import operations as zd
from zero_downtime.guard.forecast import forecast, lines
from zero_downtime.lint.sizes import Sizes
from zero_downtime.lint.walk import walk

INLINE_ROWS = 10_000
INDEX = models.Index(fields=["status"], name="status_idx")
LARGE = {"shop_order": 20_000_000, "shop_customer": 3_000, "shop_basket": 0}


def forecast_of(*changes: Migration, **rows: int) -> list[str]:
    """Return the lines about migrations after the shop's first."""
    first = migration("0001_initial", *SHOP)
    steps = walk([first, *changes], ProjectState(), judged=changes, together=True)
    return list(lines(forecast(steps, Sizes(rows), inline_rows=INLINE_ROWS)))


def tables_of(
    *operations: Operation, atomic: bool = True, rows: Mapping[str, int] = LARGE
) -> list[str]:
    """Return what is said of tables by a forecast of one migration."""
    found = forecast_of(migration("0002_change", *operations, atomic=atomic), **rows)
    return [line.strip() for line in found if line.startswith("      ")]


def operations_of(*operations: Operation) -> list[str]:
    """Return what is said of operations by a forecast of one migration."""
    found = forecast_of(migration("0002_change", *operations), **LARGE)
    return [line.strip() for line in found[2:] if not line.startswith("      ")]


def test_each_migration_with_its_operations_and_their_tables() -> None:
    index = migration("0002_index", zd.AddIndexConcurrently("order", INDEX), atomic=False)
    refund = migration(
        "0003_refund", create_refund(customer=models.ForeignKey("shop.Customer", models.CASCADE))
    )

    assert forecast_of(index, refund, **LARGE) == [
        "Expected:",
        "  shop.0002_index",
        "    Concurrently: Create index status_idx on field(s) status of model order",
        '      "shop_order" (about 20 M rows): SHARE UPDATE EXCLUSIVE for about 20 s, '
        "reads and writes go on",
        "  shop.0003_refund",
        "    Create model Refund: new table",
        '      "shop_customer" (about 3000 rows): SHARE ROW EXCLUSIVE for an instant',
    ]


def test_nothing_is_said_of_what_only_changes_the_state() -> None:
    options = migrations.AlterModelOptions("order", {"ordering": ["id"]})
    manager = migrations.SeparateDatabaseAndState(
        state_operations=[migrations.AddField("order", "x", models.IntegerField())]
    )
    assert forecast_of(migration("0002_state", options, manager)) == []


def test_who_waits_is_said() -> None:
    assert tables_of(migrations.AddIndex("order", INDEX)) == [
        '"shop_order" (about 20 M rows): SHARE for about 20 s, reads go on, writes wait'
    ]


def test_a_lock_that_was_taken_before_counts_as_long_as_the_transaction_works() -> None:
    note = migrations.AddField("customer", "note", models.TextField(null=True))
    assert tables_of(note, migrations.AddIndex("order", INDEX)) == [
        '"shop_customer" (about 3000 rows): ACCESS EXCLUSIVE for an instant',
        '"shop_order" (about 20 M rows): SHARE for about 20 s, reads go on, writes wait',
        '"shop_customer" (about 3000 rows): ACCESS EXCLUSIVE for about 20 s, reads and writes wait',
    ]


def test_a_brief_lock_is_told_from_the_work() -> None:
    positive = models.CheckConstraint(condition=Q(number__gt=0), name="positive")
    assert tables_of(zd.AddConstraintConcurrently("order", positive), atomic=False) == [
        '"shop_order" (about 20 M rows): ACCESS EXCLUSIVE for an instant; '
        "SHARE UPDATE EXCLUSIVE for about 3 s, reads and writes go on"
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"shop_order": 0}, "(empty): SHARE for less than a second"),
        ({"shop_order": 400}, "(about 400 rows): SHARE for less than a second"),
        ({"shop_tag": 1}, "(of unknown size): SHARE for a time that depends on its size"),
    ],
)
def test_how_large_a_table_is(rows: dict[str, int], said: str) -> None:
    assert tables_of(migrations.AddIndex("order", INDEX), rows=rows) == [
        f'"shop_order" {said}, reads go on, writes wait'
    ]


def test_a_backfill_of_a_large_table_is_left_to_its_command() -> None:
    fill = zd.BackfillField("order", "number", F("id"))
    assert tables_of(fill, atomic=False) == [
        '"shop_order" (about 20 M rows): left to manage.py backfill, '
        "which moves the rows in about 7 min"
    ]
    assert tables_of(fill, atomic=False, rows={"shop_order": INLINE_ROWS - 1}) == [
        '"shop_order" (about 9999 rows): ROW EXCLUSIVE for less than a second, '
        "reads and writes go on"
    ]


def test_a_new_table_has_nobody_who_waits() -> None:
    refund = create_refund(number=models.IntegerField())
    index = migrations.AddIndex("refund", models.Index(fields=["number"], name="i"))
    assert operations_of(refund, index) == [
        "Create model Refund: new table",
        "Create index i on field(s) number of model refund: new table",
    ]


class Homemade(Operation):
    def state_forwards(self, app_label: str, state: ProjectState) -> None: ...

    def database_forwards(self, *args: Any) -> None: ...


def test_what_cannot_be_told_is_said_to_be_so() -> None:
    of_no_file = eval("lambda apps, schema_editor: apps.do()")
    [python, sql, homemade] = operations_of(
        migrations.RunPython(of_no_file),
        run_sql("DO $$ BEGIN EXECUTE 'SELECT ' || 1; END $$"),
        Homemade(),
    )
    assert python.startswith("Raw Python operation: not known (")
    assert sql.startswith("Raw SQL operation: not known (")
    assert homemade.endswith(": not known (Homemade is no operation of Django's)")


def test_sql_may_lock_no_table_or_not_say_which() -> None:
    assert operations_of(run_sql("SELECT 1"), run_sql("DROP INDEX status_idx")) == [
        "Raw SQL operation: locks no table",
        "Raw SQL operation: not known (it does not say of which table the index is)",
    ]


def test_what_django_refuses_is_said_to_fail() -> None:
    to_many = migrations.AlterField("order", "note", models.ManyToManyField("shop.Tag"))
    assert operations_of(to_many) == [
        "Alter field note on order: fails, because "
        "Django does not alter fields to or from many-to-many"
    ]
