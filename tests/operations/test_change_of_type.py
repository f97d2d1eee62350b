"""While the type of a column changes, what guards the column goes on guarding it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState
from django.db.models import Q
from django.db.models.functions import Lower
from psycopg import errors

from tests.operations.test_crash_matrix import ROWS
from tests.operations.test_refusals import create_shop
from tests.operations.test_same_schema import forwards
from tests.support.schema import read_schema
from zero_downtime import operations as zd
from zero_downtime.errors import Refused

FREE_TEXT = models.TextField(null=True)
TO_TEXT = zd.AlterFieldConcurrently("book", "code", FREE_TEXT)


def shop_with(connection: BaseDatabaseWrapper, *constraints: models.BaseConstraint) -> ProjectState:
    state = create_shop(connection)
    for constraint in constraints:
        state = forwards(connection, migrations.AddConstraint("book", constraint), state)
    return state


def fill(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(ROWS)


class Burglar:
    """Tries to break a constraint after every statement, in a session of its own."""

    def __init__(self, url: str) -> None:
        self.session = psycopg.connect(url, autocommit=True)
        self.session.execute("SET lock_timeout = '20ms'")
        self.met: list[type[Exception] | None] = []

    def __call__(self, execute: Any, *arguments: Any) -> Any:
        result = execute(*arguments)
        try:
            self.session.execute("UPDATE shop_book SET code = 'bad' WHERE id = 1")
            self.met.append(None)
        except (errors.CheckViolation, errors.LockNotAvailable) as error:
            self.met.append(type(error))
        return result


CHECKS = [
    models.CheckConstraint(condition=~Q(code="bad"), name="new"),
    models.CheckConstraint(condition=~Q(code__in=["bad", "worse"]) & Q(pages__gt=0), name="new"),
]


@pytest.mark.parametrize("check", CHECKS, ids=["one column", "list of values, two columns"])
def test_a_check_is_never_off(
    connection: BaseDatabaseWrapper, database_url: str, check: models.CheckConstraint
) -> None:
    state = shop_with(connection, check)
    fill(connection)
    burglar = Burglar(database_url)
    with burglar.session, connection.execute_wrapper(burglar):
        forwards(connection, TO_TEXT, state)
    assert None not in burglar.met
    assert errors.CheckViolation in burglar.met
    forwards(connection, TO_TEXT, state)  # as after a crash in the end


@pytest.mark.parametrize("check", CHECKS, ids=["one column", "list of values, two columns"])
def test_the_check_is_in_the_end_what_the_stock_operation_makes_it(
    connection: BaseDatabaseWrapper, check: models.CheckConstraint
) -> None:
    schemas = []
    for operation in (migrations.AlterField("book", "code", FREE_TEXT), TO_TEXT):
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        state = shop_with(connection, check)
        fill(connection)
        forwards(connection, operation, state)
        schemas.append(read_schema(connection))
    assert schemas[0] == schemas[1]


@pytest.mark.parametrize(
    "constraint",
    [
        models.UniqueConstraint(Lower("code"), name="guard"),
        models.UniqueConstraint(fields=["pages"], condition=~Q(code=""), name="guard"),
        ExclusionConstraint(
            name="guard",
            expressions=[("period", RangeOperators.OVERLAPS)],
            condition=~Q(code=""),
        ),
    ],
    ids=["expression", "condition", "exclusion"],
)
def test_what_would_be_away_while_it_is_built_anew_is_a_reason_to_refuse(
    connection: BaseDatabaseWrapper, constraint: models.BaseConstraint
) -> None:
    state = shop_with(connection, constraint)
    fill(connection)
    before = read_schema(connection)
    with pytest.raises(Refused) as refused:
        forwards(connection, TO_TEXT, state)
    message = str(refused.value)
    assert message.startswith("AlterFieldConcurrently cannot alter shop.book.code ")
    assert "guard" in message
    assert "AddConstraintConcurrently" in message
    assert read_schema(connection) == before
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE shop_author, shop_book CASCADE")
    forwards(connection, TO_TEXT, state)  # no rows, nothing to guard
