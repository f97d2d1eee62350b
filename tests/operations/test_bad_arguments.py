"""Arguments that do not fit the models get one line, before anything is done."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.models import F, Q
from django.db.models.functions import Lower

from tests.operations.matrix import start
from tests.operations.test_crash_matrix import ROWS
from tests.operations.test_refusals import create_shop
from tests.operations.test_same_schema import forwards, state_after
from tests.support.schema import read_schema
from zero_downtime import operations as zd
from zero_downtime.errors import Refused


def _index(*expressions: Any, **kwargs: Any) -> Operation:
    return zd.AddIndexConcurrently("book", models.Index(*expressions, **kwargs, name="new"))


def _constraint(constraint: models.BaseConstraint) -> Operation:
    return zd.AddConstraintConcurrently("book", constraint)


def _unique(*expressions: Any, **kwargs: Any) -> Operation:
    return _constraint(models.UniqueConstraint(*expressions, **kwargs, name="new"))


def _check(condition: Q) -> Operation:
    return _constraint(models.CheckConstraint(condition=condition, name="new"))


def _exclusion(*expressions: Any, **kwargs: Any) -> Operation:
    return _constraint(ExclusionConstraint(name="new", expressions=[*expressions], **kwargs))


OVERLAPS = ("period", RangeOperators.OVERLAPS)


@pytest.mark.parametrize(
    "operation",
    [
        _index(fields=["page"]),
        _index(fields=["-page"]),
        _index(fields=["title"], include=["page"]),
        _index(fields=["title"], condition=Q(page__gt=1)),
        _index("page"),
        _index(Lower(F("page")).desc()),
        _unique(fields=["page"]),
        _unique(fields=["title"], include=["page"]),
        _unique(Lower("page")),
        _unique(fields=["title"], condition=~Q(title="") & Q(page=1)),
        _check(Q(page__gt=1)),
        _check(Q(pages__gt=F("page") + 1)),
        _exclusion(("page", "="), OVERLAPS),
        _exclusion((F("page"), "="), OVERLAPS),
        _exclusion(OVERLAPS, condition=Q(page=1)),
    ],
)
def test_an_index_or_constraint_on_a_field_that_there_is_not(operation: Operation) -> None:
    with pytest.raises(Refused) as refused:
        state_after([*start(), operation])
    message = str(refused.value)
    assert message.startswith(
        f"{type(operation).__name__}: shop.Book has no field 'page'. Did you mean 'pages'? "
        "Its fields are: id, title, code, "
    )
    assert "\n" not in message


@pytest.mark.parametrize(
    "operation",
    [
        _index(fields=["writer"]),
        _unique(fields=["pages"], condition=Q(writer_id__gt=1) | Q(pk=1)),
        _check(Q(period__startswith__lt=F("seen"), meta__key__isnull=False)),
        _index(F("tags__0")),
    ],
)
def test_keys_transforms_and_the_primary_key_are_fields_too(operation: Operation) -> None:
    state_after([*start(), operation])


def test_so_is_the_field_that_django_adds_for_an_order() -> None:
    """The state does not list it."""
    order = migrations.AlterOrderWithRespectTo("book", "writer")
    state_after([*start(), order, _index(fields=["_order"])])


def test_a_field_that_is_there_already_is_not_added() -> None:
    operation = zd.AddFieldConcurrently("book", "pages", models.TextField(null=True))
    with pytest.raises(Refused, match=r"^AddFieldConcurrently: shop.Book has a field 'pages' alr"):
        state_after([*start(), operation])


def test_a_field_is_not_renamed_to_one_that_is_there_already() -> None:
    with pytest.raises(Refused, match=r"^ExpandRenameField: shop.Book has a field 'code' already"):
        state_after([*start(), zd.ExpandRenameField("book", "title", "code")])


def test_a_field_is_not_renamed_to_itself() -> None:
    with pytest.raises(Refused, match=r"^ExpandRenameField: .* 'title' .* itself"):
        state_after([*start(), zd.ExpandRenameField("book", "title", "title")])


def test_not_null_needs_a_value_for_the_rows_that_are_there(
    connection: BaseDatabaseWrapper,
) -> None:
    operation = zd.AddFieldConcurrently("book", "weight", models.IntegerField())
    state = create_shop(connection)
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
    with pytest.raises(Refused) as refused:
        forwards(connection, operation, state)
    message = str(refused.value)
    assert message.startswith(
        "AddFieldConcurrently: shop.book.weight is NOT NULL and has no default, "
        'and table "shop_book" has rows.'
    )
    assert "db_default=" in message
    assert "null=True" in message
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE shop_author, shop_book CASCADE")
    forwards(connection, operation, state)
    assert "weight" in str(read_schema(connection))


def test_an_exclusion_constraint_is_refused_even_where_postgresql_could_not_build_it(
    connection: BaseDatabaseWrapper,
) -> None:
    """Without the extension btree_gist, `=` on an integer is no operator of a GiST index."""
    state = create_shop(connection)
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
    with pytest.raises(Refused, match="cannot add exclusion constraint 'new'"):
        forwards(connection, _exclusion(("pages", "="), OVERLAPS), state)


@pytest.mark.parametrize("rows", ["", ROWS], ids=["empty", "with rows"])
def test_what_postgresql_refuses_names_what_is_in_the_way(
    connection: BaseDatabaseWrapper, rows: str
) -> None:
    """The CHECK compares the column with a number, which a text cannot be."""
    state = create_shop(connection)
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(rows)
    schema = read_schema(connection)
    with pytest.raises(Refused) as refused:
        forwards(connection, zd.AlterFieldConcurrently("book", "pages", models.TextField()), state)
    message = str(refused.value)
    assert message.startswith("AlterFieldConcurrently cannot alter shop.book.pages: ")
    assert "book_pages, book_code, book_pages_check" in message
    assert "operator does not exist" in message
    assert "\n" not in message
    assert read_schema(connection) == schema


def test_other_operations_say_what_postgresql_says(connection: BaseDatabaseWrapper) -> None:
    """An index on what the access method has no operators for."""
    state = create_shop(connection)
    operation = zd.AddIndexConcurrently(
        "book", models.Index(fields=["pages"], name="new", opclasses=["no_such_opclass"])
    )
    with pytest.raises(Refused, match=r'^AddIndexConcurrently: .* "no_such_opclass"'):
        forwards(connection, operation, state)
