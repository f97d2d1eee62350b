"""What `AlterFieldConcurrently` puts where there was NULL."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.operations.test_same_schema import forwards
from zero_downtime import operations as zd

SHOP: list[Operation] = [
    migrations.CreateModel("Author", [("id", models.BigAutoField(primary_key=True))]),
    migrations.CreateModel(
        "Book",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("code", models.TextField(null=True)),
            ("author", models.ForeignKey("shop.Author", models.CASCADE, null=True)),
        ],
    ),
]
A_ROW_OF_EACH = """
    INSERT INTO shop_author DEFAULT VALUES;
    INSERT INTO shop_book DEFAULT VALUES
"""


@pytest.mark.parametrize("preserve_default", [True, False], ids=["for good", "for this once"])
@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("code", models.TextField(default=lambda: "50%"), "50%"),
        ("author", models.ForeignKey("shop.Author", models.CASCADE, default=1), 1),
    ],
    ids=["callable", "foreign key"],
)
def test_a_default_is_filled_in(
    connection: BaseDatabaseWrapper,
    name: str,
    field: models.Field[Any, Any],
    value: object,
    preserve_default: bool,
) -> None:
    state = ProjectState()
    for operation in SHOP:
        state = forwards(connection, operation, state)
    with connection.cursor() as cursor:
        cursor.execute(A_ROW_OF_EACH)

    altered = zd.AlterFieldConcurrently("book", name, field, preserve_default=preserve_default)
    state = forwards(connection, altered, state)

    assert list(state.apps.get_model("shop", "Book").objects.values_list(name)) == [(value,)]
