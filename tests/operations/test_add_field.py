"""`AddFieldConcurrently`: what rows that exist get."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState

from tests.operations.test_alter_field import A_ROW_OF_EACH, SHOP
from tests.operations.test_same_schema import forwards
from zero_downtime import operations as zd


@pytest.mark.parametrize("preserve_default", [True, False], ids=["for good", "for this once"])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        (models.TextField(default=lambda: "50%"), "50%"),
        (models.ForeignKey("shop.Author", models.CASCADE, default=1, related_name="+"), 1),
        (models.BooleanField(default=True, db_index=True), True),
    ],
    ids=["callable", "foreign key", "index"],
)
def test_they_get_the_default(
    connection: BaseDatabaseWrapper,
    field: models.Field[Any, Any],
    value: object,
    preserve_default: bool,
) -> None:
    state = ProjectState()
    for operation in SHOP:
        state = forwards(connection, operation, state)
    with connection.cursor() as cursor:
        cursor.execute(A_ROW_OF_EACH)

    added = zd.AddFieldConcurrently("book", "new", field, preserve_default=preserve_default)
    state = forwards(connection, added, state)

    assert list(state.apps.get_model("shop", "Book").objects.values_list("new")) == [(value,)]
