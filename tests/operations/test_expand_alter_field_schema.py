"""The three steps end in the schema, and with the values, in which `AlterField` ends; and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Length, Repeat

from tests.operations.test_same_schema import backwards, forwards
from tests.support.alterations import fill_hidden
from tests.support.books import book, create_books, to_author, values_of
from zero_downtime import operations as zd
from zero_downtime.errors import Refused
from zero_downtime.postgres.shapes import TableShape, read_shape

T = TypeVar("T")

Char, Text, Int, Big = (
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.BigIntegerField,
)


@dataclass(frozen=True)
class Case:
    """One change of the type of `Book.value`, which has `values` before."""

    id: str
    old: Any
    new: Any
    values: Sequence[Any]
    options: dict[str, Any] = field(default_factory=dict)


UUIDS = ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b811-9dad-11d1-80b4-00c04fd430c8"]

CASES = [
    Case("int to bigint", Int(), Big(), [1, -2, 2**31 - 1]),
    Case("int to bigint null", Int(null=True), Big(null=True), [1, None]),
    Case("int to bigint not null", Int(null=True), Big(default=7), [1, None]),
    Case("int not null to bigint null", Int(), Big(null=True), [1, 2]),
    Case("int to bigint indexed", Int(db_index=True), Big(db_index=True), [1, 2]),
    Case("int to bigint with a new index", Int(), Big(db_index=True), [1, 2]),
    Case("int to bigint without its index", Int(db_index=True), Big(), [1, 2]),
    Case("int to bigint unique", Int(unique=True), Big(unique=True), [1, 2]),
    Case("int to bigint now unique", Int(), Big(unique=True), [1, 2]),
    Case("int to bigint not unique any more", Int(unique=True), Big(), [1, 2]),
    Case("int to bigint default", Int(db_default=5), Big(db_default=5), [1, 2]),
    Case("int to bigint other default", Int(db_default=5), Big(db_default=6), [1, 2]),
    Case("int to bigint comment", Int(db_comment="it's 1"), Big(db_comment="2"), [1, 2]),
    Case("positive to big", models.PositiveIntegerField(), models.PositiveBigIntegerField(), [1]),
    Case("positive to any", models.PositiveIntegerField(), Big(), [1, 2]),
    Case("any to positive", Int(), models.PositiveBigIntegerField(), [1, 2]),
    Case(
        "in Meta",
        Int(),
        Big(),
        [1, 2],
        {
            "indexes": [
                models.Index(fields=["value", "-number"], name="by_value"),
                models.Index(fields=["number"], name="few", condition=Q(value__gt=5)),
                models.Index(F("value") * 2, name="twice"),
                models.Index(fields=["number"], name="covering", include=["value"]),
            ],
            "constraints": [
                models.CheckConstraint(condition=Q(value__gt=0), name="positive"),
                models.UniqueConstraint(fields=["value", "number"], name="once"),
                models.UniqueConstraint(
                    fields=["value"], condition=Q(number__gt=5), name="once_of_few"
                ),
                models.UniqueConstraint(
                    fields=["value"], name="later", deferrable=models.Deferrable.DEFERRED
                ),
            ],
        },
    ),
    Case("together", Int(), Big(), [1, 2], {"unique_together": {("value", "number")}}),
    Case("char to uuid", Char(max_length=36), models.UUIDField(), UUIDS),
    Case(
        "char to uuid unique",
        Char(max_length=36, unique=True),
        models.UUIDField(unique=True),
        UUIDS,
    ),
    Case(
        "char to uuid not unique any more",
        Char(max_length=36, unique=True),
        models.UUIDField(),
        UUIDS,
    ),
    Case("text to int without its index", Text(db_index=True), Int(), ["1", "22"]),
    Case("text to int", Text(), Int(), ["1", " 22 ", "-3"]),
    Case("int to text", Int(db_index=True), Text(db_index=True), [1, 2]),
    Case("narrower char", Char(max_length=20), Char(max_length=5), ["", "12345"]),
    Case("narrower slug", Char(max_length=20, unique=True), models.SlugField(max_length=5), ["a"]),
    Case("wider char", Char(max_length=5, null=True), Char(max_length=9, null=True), ["a", None]),
    Case(
        "decimal scale",
        models.DecimalField(max_digits=8, decimal_places=2),
        models.DecimalField(max_digits=12, decimal_places=4),
        ["1.25", "-0.5"],
    ),
    Case("int to decimal", Int(), models.DecimalField(max_digits=12, decimal_places=4), [1, -2]),
    Case("int to float", Int(), models.FloatField(), [1, -2]),
    Case("int to bool", Int(), models.BooleanField(), [1, 0]),
    Case("date to datetime", models.DateField(), models.DateTimeField(), [date(2024, 5, 1)]),
    Case(
        "datetime to date",
        models.DateTimeField(),
        models.DateField(),
        [datetime(2024, 5, 1, 23, 59, tzinfo=UTC)],
    ),
    Case("text to json", Text(), models.JSONField(), ['{"a": 1}', "[]"]),
    Case("collation", Char(max_length=9), Char(max_length=9, db_collation="C"), ["b", "a"]),
    Case(
        "collation to collation",
        Char(max_length=9, db_collation="POSIX", unique=True),
        Char(max_length=9, db_collation="C", unique=True),
        ["b", "a"],
    ),
    Case("foreign key to int", to_author(), Big(db_column="value_id"), [1, 2]),
    Case("int to foreign key", Big(db_column="value_id"), to_author(), [1, 2]),
    Case(
        "other foreign key", to_author(null=True), to_author(null=True, to_field="code"), [1, None]
    ),
]


def create(connection: BaseDatabaseWrapper, case: Case) -> ProjectState:
    return create_books(connection, case.old, case.values, case.options)


def values(connection: BaseDatabaseWrapper, state: ProjectState) -> list[Any]:
    return values_of(connection, state, "value")


def shape(connection: BaseDatabaseWrapper) -> TableShape:
    return read_shape(connection, "shop_book")


def leftovers(connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    """Return what has a name of ours and is not one of our own tables, or theirs."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT relname FROM pg_class
            WHERE relname LIKE '%zero_downtime%' AND relkind = 'S' AND relname NOT LIKE '%_id_seq'
            UNION SELECT proname FROM pg_proc WHERE proname LIKE '%zero_downtime%'
            UNION SELECT tgname FROM pg_trigger
                  WHERE NOT tgisinternal AND tgrelid = 'shop_book'::regclass
            UNION SELECT conname FROM pg_constraint
                  WHERE conrelid = 'shop_book'::regclass AND conname LIKE '%zero_downtime%'
            """
        )
        return list(cursor.fetchall())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_there_and_back(connection: BaseDatabaseWrapper, case: Case) -> None:
    state = create(connection, case)
    before, old_values = shape(connection), values(connection, state)
    stock_after = forwards(connection, migrations.AlterField("book", "value", case.new), state)
    stock, stock_values = shape(connection), values(connection, stock_after)

    state = create(connection, case)
    arguments = ("book", "value", case.new)
    expand, switch, contract = (
        zd.ExpandAlterField(*arguments),
        zd.SwitchAlterField(*arguments),
        zd.ContractAlterField(*arguments),
    )
    expanded = forwards(connection, expand, state)
    fill_hidden(connection)
    assert values(connection, expanded) == old_values
    switched = forwards(connection, switch, expanded)
    assert values(connection, switched) == stock_values
    backwards(connection, switch, expanded, switched)
    assert visible(shape(connection)) == before
    assert values(connection, expanded) == old_values
    forwards(connection, switch, expanded)
    forwards(connection, contract, switched)
    assert shape(connection) == stock
    assert values(connection, switched) == stock_values
    assert leftovers(connection) == []

    backwards(connection, contract, switched, switched)
    backwards(connection, switch, expanded, switched)
    backwards(connection, expand, state, expanded)
    assert shape(connection) == before
    assert leftovers(connection) == []


def visible(table: TableShape) -> TableShape:
    """Return the shape without what is hidden as yet."""
    return TableShape(_visible(table.columns), _visible(table.indexes), _visible(table.constraints))


def _visible(things: Mapping[str, T]) -> dict[str, T]:
    return {name: each for name, each in things.items() if not name.startswith("zero_downtime_")}


def test_the_switch_back_keeps_what_does_not_come_out_the_same(
    connection: BaseDatabaseWrapper,
) -> None:
    """'007' became 7, and 7 would be '7'; but nobody has written that row."""
    case = Case("", Text(), Int(), ["007", "8"])
    state = create(connection, case)
    expand, switch = (
        step("book", "value", case.new) for step in (zd.ExpandAlterField, zd.SwitchAlterField)
    )
    expanded = forwards(connection, expand, state)
    fill_hidden(connection)
    switched = forwards(connection, switch, expanded)
    assert values(connection, switched) == [7, 8]
    book(switched).objects.using(connection.alias).filter(value=8).update(value=9)

    backwards(connection, switch, expanded, switched)

    assert values(connection, state) == ["007", "9"]


def test_expressions_convert_both_ways(connection: BaseDatabaseWrapper) -> None:
    """What is long becomes a number: its length. Going back, all are xs."""
    case = Case("", Text(), Int(), ["xx", "xxx"])
    state = create(connection, case)
    ways = {
        "forward": Length("value") + Value(100),
        "backward": Repeat(Value("x"), F("value") - 100),
    }
    expand, switch = (
        step("book", "value", case.new, **ways)
        for step in (zd.ExpandAlterField, zd.SwitchAlterField)
    )
    expanded = forwards(connection, expand, state)
    fill_hidden(connection)
    book(expanded).objects.using(connection.alias).create(value="xxxx", number=1)
    switched = forwards(connection, switch, expanded)
    assert values(connection, switched) == [102, 103, 104]
    book(switched).objects.using(connection.alias).filter(value=102).update(value=101)
    backwards(connection, switch, expanded, switched)
    assert values(connection, state) == ["x", "xxx", "xxxx"]


def test_expressions_do_where_there_is_no_cast(connection: BaseDatabaseWrapper) -> None:
    new = models.DateTimeField(db_index=True)
    state = create(connection, Case("", Int(db_index=True, db_default=5), new, [60, 120]))
    ways = {
        "forward": models.Func(F("value"), function="to_timestamp"),
        "backward": models.Func(
            Value("epoch"), F("value"), function="date_part", output_field=models.FloatField()
        ),
    }
    expand, switch = (
        step("book", "value", new, **ways) for step in (zd.ExpandAlterField, zd.SwitchAlterField)
    )
    before = shape(connection)
    expanded = forwards(connection, expand, state)
    fill_hidden(connection)
    switched = forwards(connection, switch, expanded)
    assert values(connection, switched) == [
        datetime(1970, 1, 1, 0, minute, tzinfo=UTC) for minute in (1, 2)
    ]
    later = datetime(1970, 1, 1, 1, tzinfo=UTC)
    book(switched).objects.using(connection.alias).create(value=later, number=1)
    assert len(shape(connection).indexes) == 2  # its own, and the one for the way back
    backwards(connection, switch, expanded, switched)
    assert values(connection, state) == [60, 120, 3600]
    assert visible(shape(connection)) == before


def test_a_null_is_converted_too_when_somebody_writes_its_row_before_the_backfill(
    connection: BaseDatabaseWrapper,
) -> None:
    new = Big(null=True)
    state = create(connection, Case("", Int(null=True), new, [1, None]))
    expand = zd.ExpandAlterField("book", "value", new, forward=Coalesce("value", Value(0)))
    expanded = forwards(connection, expand, state)
    book(expanded).objects.using(connection.alias).update(number=2)
    with connection.cursor() as cursor:
        cursor.execute("SELECT zero_downtime_value FROM shop_book ORDER BY id")
        assert cursor.fetchall() == [(1,), (0,)]


@pytest.mark.parametrize(
    ("mark", "named"),
    [
        ("GRANT SELECT (value) ON shop_book TO pg_monitor", "privileges on the column"),
        (
            "ALTER TABLE shop_book REPLICA IDENTITY USING INDEX shop_book_value_key",
            "index shop_book_value_key as replica identity",
        ),
    ],
)
def test_what_would_stay_with_the_old_column_unseen_is_refused(
    connection: BaseDatabaseWrapper, mark: str, named: str
) -> None:
    new = Big(unique=True)
    state = create(connection, Case("", Int(unique=True), new, [1]))
    before = shape(connection)
    with connection.cursor() as cursor:
        cursor.execute(mark)
    with pytest.raises(Refused, match=named):
        forwards(connection, zd.ExpandAlterField("book", "value", new), state)
    assert shape(connection) == before


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("ALTER TABLE shop_book ADD CONSTRAINT by_hand CHECK (value > 0)", "by_hand"),
        ("CREATE INDEX by_hand ON shop_book (value)", "by_hand"),
        ("CREATE VIEW by_hand AS SELECT value FROM shop_book", "view by_hand"),
    ],
)
def test_what_somebody_builds_on_the_column_after_the_expand_is_not_lost_either(
    connection: BaseDatabaseWrapper, made: str, named: str
) -> None:
    state = create(connection, Case("", Int(), Big(), [1]))
    arguments = ("book", "value", Big())
    expanded = forwards(connection, zd.ExpandAlterField(*arguments), state)
    fill_hidden(connection)
    with connection.cursor() as cursor:
        cursor.execute(made)
    before = shape(connection)
    with pytest.raises(Refused, match=named):
        forwards(connection, zd.SwitchAlterField(*arguments), expanded)
    assert shape(connection) == before
