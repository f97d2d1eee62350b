"""A field is filled with whatever the ORM can say."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ModelState
from django.db.models import Case, Count, F, Func, OuterRef, Q, Subquery, Sum, Value, When, Window
from django.db.models.functions import Coalesce, Concat, Length, Upper

from tests.support.models import Model, create_models, define_models, rows_of
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.work import SetField
from zero_downtime.errors import Refused

AUTHOR = ModelState(
    "library",
    "Author",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.TextField()),
        ("country", models.TextField(null=True)),
    ],
)
BOOK = ModelState(
    "library",
    "Book",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("author", models.ForeignKey("library.Author", models.CASCADE, db_column="Written by")),
        ("title", models.TextField()),
        ("pages", models.IntegerField(db_column="No. of pages")),
        ("facts", models.JSONField(default=dict)),
        ("note", models.TextField(null=True, default="-")),
        ("number", models.IntegerField(null=True)),
    ],
)
LOAN = ModelState(
    "library",
    "Loan",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("book", models.ForeignKey("library.Book", models.CASCADE)),
        ("days", models.IntegerField()),
    ],
)


@pytest.fixture
def library(connection: BaseDatabaseWrapper) -> list[Model]:
    """Four books by two authors; the second book is lent three times, the fourth once."""
    author, book, loan = create_models(connection, AUTHOR, BOOK, LOAN)
    author._base_manager.create(pk=1, name="Ann", country="FR")
    author._base_manager.create(pk=2, name="Bob")
    for number, writer in enumerate([1, 2, 1, 2], start=1):
        book._base_manager.create(
            pk=number,
            author_id=writer,
            title=f"title {number}",
            pages=number * 100,
            facts={"isbn": f"isbn {number}"},
        )
    for lent, days in [(2, 7), (2, 14), (2, 21), (4, 1)]:
        loan._base_manager.create(book_id=lent, days=days)
    return [author, book, loan]


def fill(
    connection: BaseDatabaseWrapper,
    model: Model,
    field: str,
    value: Any,
    where: Q | None = None,
) -> list[Any]:
    """Fill the field in the second and third row; return the field of all four rows."""
    work = SetField(connection, model, field, value, where)
    work.process(connection, Key.of(connection, work.table), KeyRange("1", "3", 2))
    return rows_of(model, field)


NOTES: dict[str, tuple[Any, list[str | None]]] = {
    "a plain value": ("new", ["-", "new", "new", "-"]),
    "NULL": (Value(None), ["-", None, None, "-"]),
    "functions": (
        Concat(Upper("title"), Value(" %s")),
        ["-", "TITLE 2 %s", "TITLE 3 %s", "-"],
    ),
    "a function that Django does not know": (
        Func(F("title"), function="initcap", output_field=models.TextField()),
        ["-", "Title 2", "Title 3", "-"],
    ),
    "a case": (
        Case(When(pages__gt=250, then=Value("long")), default=Value("short")),
        ["-", "short", "long", "-"],
    ),
    "a key in a JSON document": (F("facts__isbn"), ["-", '"isbn 2"', '"isbn 3"', "-"]),
    "a field of the author": (F("author__name"), ["-", "Bob", "Ann", "-"]),
    "an expression of fields of both": (
        Concat("title", Value(" by "), "author__name", output_field=models.TextField()),
        ["-", "title 2 by Bob", "title 3 by Ann", "-"],
    ),
    "the first value there is": (
        Coalesce("author__country", "title"),
        ["-", "title 2", "FR", "-"],
    ),
    "a case about the author": (
        Case(When(author__name="Ann", then=F("author__country")), default=F("title")),
        ["-", "title 2", "FR", "-"],
    ),
}


@pytest.mark.parametrize("name", NOTES)
def test_a_field_is_filled_with(
    connection: BaseDatabaseWrapper, library: list[Model], name: str
) -> None:
    value, expected = NOTES[name]
    assert fill(connection, library[1], "note", value) == expected


NUMBERS: dict[str, tuple[Any, list[int | None]]] = {
    "arithmetic": (F("pages") * 2 + 1, [None, 401, 601, None]),
    "the length of a text": (Length("title"), [None, 7, 7, None]),
    "the key of the author": (F("author_id"), [None, 2, 1, None]),
    "a count of related rows": (Count("loan"), [None, 3, 0, None]),
    "a sum over related rows": (Coalesce(Sum("loan__days"), 0), [None, 42, 0, None]),
    "arithmetic with related rows": (F("pages") + Count("loan"), [None, 203, 300, None]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_filled_with(
    connection: BaseDatabaseWrapper, library: list[Model], name: str
) -> None:
    value, expected = NUMBERS[name]
    assert fill(connection, library[1], "number", value) == expected


def test_a_subquery(connection: BaseDatabaseWrapper, library: list[Model]) -> None:
    author, book, loan = library
    name = author._base_manager.filter(pk=OuterRef("author")).values("name")
    assert fill(connection, book, "note", Subquery(name)) == ["-", "Bob", "Ann", "-"]
    longest = loan._base_manager.filter(book=OuterRef("pk")).order_by("-days").values("days")[:1]
    assert fill(connection, book, "number", Subquery(longest)) == [None, 21, None, None]
    neighbour = book._base_manager.filter(pk__lt=OuterRef("pk")).order_by("-pk").values("pages")
    assert fill(connection, book, "number", neighbour[:1]) == [None, 100, 200, None]


@pytest.mark.parametrize("value", [Value("seen"), F("author__name")])
@pytest.mark.parametrize(
    ("where", "selected"),
    [
        (Q(pages__gt=200), [3]),
        (Q(author__name="Bob"), [2]),
        (~Q(author__name="Bob"), [3]),
        (Q(loan__days__gt=1), [2]),
        (Q(pk__in=[]), []),
    ],
)
def test_only_the_rows_that_are_selected(
    connection: BaseDatabaseWrapper,
    library: list[Model],
    value: Any,
    where: Q,
    selected: list[int],
) -> None:
    fill(connection, library[1], "note", value, where)
    assert list(library[1]._base_manager.exclude(note="-").values_list("pk", flat=True)) == selected


def test_a_foreign_key_is_filled_by_either_name(
    connection: BaseDatabaseWrapper, library: list[Model]
) -> None:
    author, book, _ = library
    assert fill(connection, book, "author_id", Value(1)) == [1, 1, 1, 2]
    assert fill(connection, book, "author", author._base_manager.get(pk=2)) == [1, 2, 2, 2]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (Case(When(pages=1, then=F("title")), default=Value(1)), "mixed types.*set output_field"),
        (F("pagse"), "Cannot resolve keyword 'pagse' into field. Choices are: .*pages"),
        (F("author__nme"), "'nme'"),
        (F("title__name"), "'name'"),
        (Window(Count("pk")), "a window looks at other rows.*BatchedRunPython"),
    ],
)
def test_what_means_nothing_is_refused_before_the_first_batch(
    connection: BaseDatabaseWrapper, value: Any, why: str
) -> None:
    book = define_models(BOOK, AUTHOR, LOAN)[0]
    with pytest.raises(Refused, match=rf"library.Book.note cannot be filled with .*{why}"):
        SetField(connection, book, "note", value, None)


def test_fields_of_a_parents_table(connection: BaseDatabaseWrapper) -> None:
    key = ("id", models.BigAutoField(primary_key=True))
    place = ModelState("map", "Place", [key, ("name", models.TextField(default="-"))])
    link = models.OneToOneField("map.Place", models.CASCADE, parent_link=True, primary_key=True)
    fields = [("place_ptr", link), ("cook", models.TextField(default="cook"))]
    restaurant = ModelState("map", "Restaurant", fields, bases=("map.Place",))
    _, child = create_models(connection, place, restaurant)
    for number in range(1, 5):
        child._base_manager.create(pk=number, name=f"name {number}", cook=f"cook {number}")
    assert fill(connection, child, "cook", F("name")) == ["cook 1", "name 2", "name 3", "cook 4"]
    assert fill(connection, child, "name", Upper("name")) == [
        "name 1",
        "NAME 2",
        "NAME 3",
        "name 4",
    ]
    assert fill(connection, child, "name", Concat("cook", Value("!")))[1:3] == [
        "name 2!",
        "name 3!",
    ]
