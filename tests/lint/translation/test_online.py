"""What our own operations do, statement by statement; the linter has nothing to say of it."""

from __future__ import annotations

import pytest
from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import F, Q

from tests.lint.judging import SHOP, judge, migration
from zero_downtime import operations as zd
from zero_downtime.lint.timeline import Effect
from zero_downtime.lint.walk import walk

STATUS = models.Index(fields=["status"], name="order_status_idx")
POSITIVE = models.CheckConstraint(condition=Q(number__gt=0), name="number_positive")
UNIQUE = models.UniqueConstraint(fields=["number"], name="number_unique")
KEY = models.ForeignKey("shop.Customer", models.CASCADE, null=True, related_name="+")
UUID_KEY = models.UUIDField(primary_key=True)


def effects(*operations: Operation) -> list[Effect]:
    """Return the effects of the last of the operations."""
    change = migration("0002_change", *operations, atomic=False)
    first = migration("0001_initial", *SHOP)
    *_, step = walk([first, change], ProjectState(), judged=[change], together=True)
    assert step.effects == []  # what rules look at
    return step.online


def statements(*operations: Operation) -> list[str]:
    """Return what the last of the operations does, as "Statement table LOCK"."""
    return [
        f"{type(effect.statement).__name__} "
        + ", ".join(f"{table} {lock.name}" for table, lock in effect.statement.locks.items())
        for effect in effects(*operations)
    ]


def test_an_index_is_built_while_others_read_and_write() -> None:
    [effect] = effects(zd.AddIndexConcurrently("order", STATUS))

    assert effect.statement.work == ("shop_order",)
    assert effect.held == {"shop_order": effect.statement.locks["shop_order"]}
    assert effect.stops_writes == ()


def test_a_constraint_is_added_briefly_and_validated_then() -> None:
    assert statements(zd.AddConstraintConcurrently("order", POSITIVE)) == [
        "AddCheck shop_order ACCESS_EXCLUSIVE",
        "ValidateConstraint shop_order SHARE_UPDATE_EXCLUSIVE",
    ]
    assert statements(zd.AddConstraintConcurrently("order", UNIQUE)) == [
        "CreateIndex shop_order SHARE_UPDATE_EXCLUSIVE",
        "AddUnique shop_order ACCESS_EXCLUSIVE",
    ]


def test_a_field_comes_in_parts() -> None:
    assert statements(zd.AddFieldConcurrently("order", "payer", KEY)) == [
        "AddColumn shop_order ACCESS_EXCLUSIVE",
        "AddForeignKey shop_order SHARE_ROW_EXCLUSIVE, shop_customer SHARE_ROW_EXCLUSIVE",
        "ValidateConstraint shop_order SHARE_UPDATE_EXCLUSIVE, shop_customer ROW_SHARE",
        "CreateIndex shop_order SHARE_UPDATE_EXCLUSIVE",
    ]


def test_values_that_differ_from_row_to_row_are_filled_in_batches() -> None:
    token = models.UUIDField(db_default=RandomUUID())
    assert statements(zd.AddFieldConcurrently("order", "token", token)) == [
        "AddColumn shop_order ACCESS_EXCLUSIVE",
        "WriteRows shop_order ROW_EXCLUSIVE",
        "AddCheck shop_order ACCESS_EXCLUSIVE",
        "ValidateConstraint shop_order SHARE_UPDATE_EXCLUSIVE",
        "SetNotNull shop_order ACCESS_EXCLUSIVE",
        "DropConstraint shop_order ACCESS_EXCLUSIVE",
    ]


def test_the_table_of_a_many_to_many_field_is_new() -> None:
    labels = models.ManyToManyField("shop.Tag", related_name="+")
    created, *keys = effects(zd.AddFieldConcurrently("order", "labels", labels))

    assert created.new_tables == {"shop_order_labels"}
    assert {table for each in keys for table in each.statement.locks} == {
        "shop_order_labels",
        "shop_order",
        "shop_tag",
    }
    assert all(not each.existing for each in keys)


def test_a_column_becomes_not_null_without_a_scan_under_its_lock() -> None:
    [*proof, not_null, _] = effects(zd.AlterFieldConcurrently("order", "note", models.TextField()))

    assert [each.works for each in proof] == [False, True]
    assert not not_null.works


RENAME = ("customer", "name", "full_name")
RETYPE = ("customer", "id", UUID_KEY)
REMOVE = ("order", "customer")
BRIEF = "ACCESS_EXCLUSIVE"


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        (
            [zd.ExpandRenameField(*RENAME)],
            [f"AddColumn shop_customer {BRIEF}", "CreateTrigger shop_customer SHARE_ROW_EXCLUSIVE"],
        ),
        (
            [zd.ExpandRenameField(*RENAME), zd.ContractRenameField(*RENAME)],
            ["ReadRows shop_customer ACCESS_SHARE", f"RenameColumn shop_customer {BRIEF}"],
        ),
        ([zd.ExpandRenameField("customer", "email", "address")], []),  # which has a db_column
        (
            [zd.ExpandAlterField(*RETYPE)],
            [
                f"AddColumn shop_customer {BRIEF}",
                "CreateTrigger shop_customer SHARE_ROW_EXCLUSIVE",
                f"AddColumn shop_order {BRIEF}",
                "CreateTrigger shop_order SHARE_ROW_EXCLUSIVE",
            ],
        ),
        (
            [zd.SwitchAlterField(*RETYPE)],
            [
                "ReadRows shop_customer ACCESS_SHARE",
                "CreateIndex shop_customer SHARE_UPDATE_EXCLUSIVE",
                f"RenameColumn shop_customer {BRIEF}",
                "ReadRows shop_order ACCESS_SHARE",
                "CreateIndex shop_order SHARE_UPDATE_EXCLUSIVE",
                f"RenameColumn shop_order {BRIEF}",
            ],
        ),
        (
            [zd.ContractAlterField(*RETYPE)],
            [f"DropColumn shop_customer {BRIEF}", f"DropColumn shop_order {BRIEF}"],
        ),
        (
            [zd.ExpandRemoveField(*REMOVE)],
            [
                f"SetDefault shop_order {BRIEF}",
                "CreateTrigger shop_order SHARE_ROW_EXCLUSIVE",
                "AddForeignKey shop_order SHARE_ROW_EXCLUSIVE, shop_customer SHARE_ROW_EXCLUSIVE",
                "ValidateConstraint shop_order SHARE_UPDATE_EXCLUSIVE, shop_customer ROW_SHARE",
            ],
        ),
        (
            [zd.ExpandRemoveField(*REMOVE), zd.ContractRemoveField(*REMOVE)],
            [f"DropColumn shop_order {BRIEF}"],
        ),
        ([zd.BackfillField("order", "number", F("id"))], ["WriteRows shop_order ROW_EXCLUSIVE"]),
    ],
)
def test_the_steps_of_a_transition(operations: list[Operation], expected: list[str]) -> None:
    assert statements(*operations) == expected


def test_nothing_is_done_for_a_model_without_a_table() -> None:
    assert effects(zd.BackfillField("legacyorder", "note", "unknown")) == []


def test_stock_operations_have_rules_to_look_at_them() -> None:
    assert judge(migrations.AddIndex("order", STATUS)) != []
    assert judge(zd.AddIndexConcurrently("order", STATUS), atomic=False) == []
