"""What cannot be done without blocking, or not with these rows, is refused, and nothing is left.

On an empty table there is nobody to wait and nothing in the way, so there all of it works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import F, Q
from django.db.models.functions import Abs

from tests.operations.matrix import Case, start
from tests.operations.test_crash_matrix import ROWS, settings
from tests.operations.test_same_schema import forwards, without_kept_defaults
from tests.support.schema import read_schema
from zero_downtime import operations as zd
from zero_downtime.errors import Refused


@dataclass(frozen=True)
class Refusal:
    """A change, and the parts of the message that say why it is refused and what to do."""

    case: Case
    message: tuple[str, ...]


def _add(name: str, new: Any, *message: str, **kwargs: Any) -> Refusal:
    def make(stock: bool) -> Operation:
        return (migrations.AddField if stock else zd.AddFieldConcurrently)("book", name, new)

    return Refusal(Case(name, make, **kwargs), message)


def _alter(id: str, name: str, new: Any, *message: str) -> Refusal:
    def make(stock: bool) -> Operation:
        return (migrations.AlterField if stock else zd.AlterFieldConcurrently)("book", name, new)

    return Refusal(Case(id, make), message)


def _constraint(id: str, constraint: models.BaseConstraint, *message: str) -> Refusal:
    def make(stock: bool) -> Operation:
        kind = migrations.AddConstraint if stock else zd.AddConstraintConcurrently
        return kind("book", constraint)

    return Refusal(Case(id, make), message)


Char, Int, Unique = models.CharField, models.IntegerField, models.UniqueConstraint

REFUSALS = [
    _constraint(
        "exclusion",
        ExclusionConstraint(name="new", expressions=[("period", RangeOperators.OVERLAPS)]),
        "exclusion constraint 'new'",
        'AddConstraint and say so with: manage.py migrate --unsafe "REASON"',
    ),
    _add(
        "stored_generated",
        models.GeneratedField(expression=F("pages") * 2, output_field=Int(), db_persist=True),
        'column "stored_generated" to table "shop_book"',
        "BackfillField",
    ),
    _add(
        "unique_default",
        Int(unique=True, default=7),
        'All rows of table "shop_book"',
        "'unique_default'. Add it with null=True, fill it with BackfillField",
        keeps_default=("unique_default",),
    ),
    _alter("int to bigint", "pages", models.BigIntegerField(), "shop_book", "ExpandAlterField"),
    _alter("char to int", "code", Int(null=True), "shop.book.code", "ExpandAlterField"),
    _alter("narrower char", "title", Char(max_length=9), "shop_book", "ExpandAlterField"),
    _alter("text to char", "body", Char(max_length=9), "shop_book", "ExpandAlterField"),
    _alter(
        "other column",
        "pages",
        Int(db_column="leaves"),
        "shop.book.pages",
        "ExpandRenameField and ContractRenameField",
    ),
    _alter(
        "key of others",
        "id",
        models.DecimalField(max_digits=20, decimal_places=0, primary_key=True),
        'how column "id" is generated of table "shop_book"',
        "ExpandAlterField",
    ),
    _alter(
        "nulls",
        "period",
        DateTimeRangeField(),
        'column "period" has NULLs. Fill it first, with BackfillField',
        "run the same command again",
    ),
    _alter(
        "duplicates",
        "level",
        Int(db_default=1, unique=True),
        "(level)=(1)",
        "run the same command again",
    ),
    _alter(
        "keys without a row",
        "soft",
        models.ForeignKey("shop.author", models.CASCADE, null=True, related_name="+"),
        'violate constraint "shop_book_soft_id',
        "Mend them first",
    ),
    _alter(
        "negative",
        "stock",
        models.PositiveIntegerField(null=True),
        'violate constraint "shop_book_stock_',
        "Mend them first",
    ),
    _constraint(
        "check",
        models.CheckConstraint(condition=Q(pages__gt=1), name="new"),
        'violate constraint "new". Mend them first',
    ),
    _constraint("unique", Unique(fields=["level"], name="new"), '"new"', "(level)=(1)"),
    _constraint(
        "unique partial",
        Unique(fields=["level"], condition=Q(pages__gt=0), name="new"),
        '"new"',
        "(level)=(1)",
    ),
    _constraint("unique expression", Unique(Abs("price"), name="new"), '"new"', "=(9.99)"),
    _constraint(
        "unique deferred",
        Unique(fields=["level"], deferrable=models.Deferrable.DEFERRED, name="new"),
        '"new"',
        "(level)=(1)",
    ),
]


def create_shop(connection: BaseDatabaseWrapper) -> ProjectState:
    state = ProjectState()
    for operation in start():
        state = forwards(connection, operation, state)
    return state


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.case.id)
def test_with_rows_it_is_refused(connection: BaseDatabaseWrapper, refusal: Refusal) -> None:
    state = create_shop(connection)
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
        cursor.execute("UPDATE shop_book SET soft_id = 99, stock = -1")
    schema, session = read_schema(connection), settings(connection)

    with pytest.raises(Refused) as refused:
        forwards(connection, refusal.case.make(False), state)

    for part in refusal.message:
        assert part in str(refused.value)
    assert read_schema(connection) == schema
    assert settings(connection) == session


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.case.id)
def test_on_an_empty_table_it_works(connection: BaseDatabaseWrapper, refusal: Refusal) -> None:
    schemas = []
    for stock in (True, False):
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        forwards(connection, refusal.case.make(stock), create_shop(connection))
        schemas.append(read_schema(connection))
    assert without_kept_defaults(schemas[1], refusal.case) == schemas[0]


def test_a_column_of_another_type_is_not_taken_for_the_new_one(
    connection: BaseDatabaseWrapper,
) -> None:
    state = ProjectState()
    for each in start():
        state = forwards(connection, each, state)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE shop_book ADD COLUMN pages_read text")
    operation = zd.AddFieldConcurrently("book", "pages_read", models.IntegerField(null=True))
    with pytest.raises(Refused, match='has a column "pages_read" of type text already'):
        forwards(connection, operation, state)
