"""What a model's state says about its table."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.db.migrations.state import ModelState, ProjectState
from django.test import override_settings

from zero_downtime.lint.model_states import (
    UNKNOWN,
    column_name,
    column_type,
    has_table,
    many_to_many_table,
    table_name,
)


def order(options: dict[str, Any] | None = None, **fields: models.Field[Any, Any]) -> ModelState:
    return ModelState("shop", "Order", list(fields.items()), options)


def test_the_table_has_djangos_name_unless_it_is_given_one() -> None:
    assert table_name(order()) == "shop_order"
    assert table_name(order({"db_table": "Orders"})) == "Orders"
    assert len(table_name(ModelState("shop", "Order" * 20, []))) == 63


def test_a_table_of_another_schema_has_the_name_that_sql_gives_it() -> None:
    tags = models.ManyToManyField("shop.Tag", db_table='"sales"."order_tags"')

    assert table_name(order({"db_table": '"sales"."orders"'})) == "sales.orders"
    assert many_to_many_table("sales.orders", "tags", tags) == "sales.order_tags"


@pytest.mark.parametrize("options", [{"managed": False}, {"proxy": True}])
def test_some_models_have_no_table_of_ours(options: dict[str, Any]) -> None:
    assert has_table(order())
    assert not has_table(order(options))


def test_a_model_that_was_swapped_for_another_has_none() -> None:
    swappable = order({"swappable": "SHOP_ORDER_MODEL"})

    with override_settings(SHOP_ORDER_MODEL="shop.Order"):
        assert has_table(swappable)
    with override_settings(SHOP_ORDER_MODEL="custom.Order"):
        assert not has_table(swappable)


def test_the_column_may_differ_from_the_field() -> None:
    assert column_name("note", models.TextField()) == "note"
    assert column_name("note", models.TextField(db_column="remark")) == "remark"
    assert column_name("customer", models.ForeignKey("shop.Customer", models.CASCADE)) == (
        "customer_id"
    )
    assert column_name("tags", models.ManyToManyField("shop.Tag")) is None


@pytest.mark.parametrize(
    ("field", "type_"),
    [
        (models.CharField(max_length=10), "varchar(10)"),
        (models.BigAutoField(primary_key=True), "bigint"),
        (models.ManyToManyField("shop.Order"), None),
    ],
)
def test_the_type_of_a_column_is_postgresqls(
    field: models.Field[Any, Any], type_: str | None
) -> None:
    assert column_type(field, order(), ProjectState()) == type_


def test_that_of_a_foreign_key_is_the_type_of_what_it_points_at() -> None:
    code = models.CharField(max_length=10, unique=True)
    target = order(id=models.AutoField(primary_key=True), code=code)
    to_order = models.OneToOneField("shop.Order", models.CASCADE, primary_key=True)
    profile = ModelState("shop", "Profile", [("order", to_order)])
    state = ProjectState({("shop", "order"): target, ("shop", "profile"): profile})
    for key, type_ in [
        (models.ForeignKey("self", models.CASCADE), "integer"),
        (models.ForeignKey("shop.Order", models.CASCADE, to_field="code"), "varchar(10)"),
        (models.ForeignKey("shop.Profile", models.CASCADE), "integer"),
        (models.ForeignKey("elsewhere.Order", models.CASCADE), None),
    ]:
        assert column_type(key, target, state) == type_


class Point(models.Field):  # type: ignore[type-arg]
    """Needs a backend that knows of points."""

    def db_type(self, connection: Any) -> str:
        kind: str = connection.ops.geo_db_type(self)
        return kind


def test_the_type_of_a_field_that_needs_more_is_not_known() -> None:
    assert column_type(Point(), order(), ProjectState()) == UNKNOWN
