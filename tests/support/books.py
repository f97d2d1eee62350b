"""A table of books with one field that tests rename, or change the type of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.operations.test_same_schema import forwards
from tests.support.django_database import create_own_tables


def to_author(kind: Any = models.ForeignKey, **kwargs: Any) -> Any:
    """Return a field that points at the authors, of whom there are two."""
    return kind("shop.author", models.CASCADE, related_name="+", **kwargs)


def create_books(
    connection: BaseDatabaseWrapper,
    field: Any,
    values: Sequence[Any],
    options: Mapping[str, Any],
) -> ProjectState:
    """Make the shop, anew, with a book for each of the `values` of its `field`, called `value`."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    create_own_tables(connection)
    key = ("id", models.BigAutoField(primary_key=True))
    start: list[Operation] = [
        migrations.CreateModel("Author", [key, ("code", models.SmallIntegerField(unique=True))]),
        migrations.CreateModel(
            "Book",
            [key, ("number", models.IntegerField(default=1)), ("value", field.clone())],
            options=dict(options),
        ),
    ]
    state = ProjectState()
    for operation in start:
        state = forwards(connection, operation, state)
    column = book(state)._meta.get_field("value").column
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO shop_author VALUES (1, 1), (2, 2)")
        for number, value in enumerate(values, start=1):
            cursor.execute(
                f"INSERT INTO shop_book (number, {column}) VALUES (%s, %s)", [number, value]
            )
    return state


def book(state: ProjectState) -> Any:
    """Return the model."""
    return state.apps.get_model("shop", "Book")


def values_of(connection: BaseDatabaseWrapper, state: ProjectState, name: str) -> list[Any]:
    """Return what all the books have in a field."""
    books = book(state).objects.using(connection.alias)
    return list(books.order_by("pk").values_list(name, flat=True))
