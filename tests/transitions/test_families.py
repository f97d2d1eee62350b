"""Which columns change their type together."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations.operations.base import Operation

from tests.operations.test_same_schema import state_after
from tests.support.keyed_shop import child, many_to, model, to
from zero_downtime.transitions.families import Family


def members(operations: list[Operation], name: str = "id", without: str = "") -> list[str]:
    apps = state_after(operations).apps
    customer: Any = apps.get_model("shop", "Customer")
    family = Family.of(customer, name, lambda each: each.__name__ != without)
    return [str(each) for each in family.members]


def test_a_field_that_nobody_points_at_is_alone() -> None:
    assert members([model("Customer")]) == ["shop.Customer.id"]


def test_the_leader_comes_first_and_those_that_follow_followers_last() -> None:
    shop = [
        model("Customer", ("guide", to("customer", null=True)), ("friends", many_to("customer"))),
        child("Patron", "Customer"),
        model("Gift", ("patron", to("patron")), ("sender", to("customer", related_name="+"))),
        model("Club", ("members", many_to("customer"))),
    ]
    assert members(shop) == [
        "shop.Customer.id",
        "shop.Club_members.customer",
        "shop.Customer.guide",
        "shop.Customer_friends.from_customer",
        "shop.Customer_friends.to_customer",
        "shop.Gift.sender",
        "shop.Patron.customer_ptr",
        "shop.Gift.patron",
    ]


def test_only_what_points_at_that_very_field() -> None:
    shop = [
        model("Customer", ("number", models.IntegerField(unique=True))),
        model(
            "Order",
            ("customer", to("customer", related_name="+")),
            ("by", to("customer", to_field="number", related_name="+")),
        ),
    ]
    assert members(shop) == ["shop.Customer.id", "shop.Order.customer"]
    assert members(shop, "number") == ["shop.Customer.number", "shop.Order.by"]


def test_tables_that_no_migration_looks_after_stay_out() -> None:
    shop = [model("Customer"), model("Order", ("customer", to("customer")))]
    assert members(shop, without="Order") == ["shop.Customer.id"]


def test_tables_are_locked_before_those_that_they_refer_to() -> None:
    shop = [
        model("Customer"),
        child("Patron", "Customer"),
        model("Gift", ("patron", to("patron")), ("sender", to("customer", related_name="+"))),
    ]
    customer: Any = state_after(shop).apps.get_model("shop", "Customer")
    family = Family.of(customer, "id", lambda each: True)
    assert list(family.by_table) == ["shop_gift", "shop_patron", "shop_customer"]
