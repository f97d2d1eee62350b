"""What a value of the old type becomes, and when it is said that it becomes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DataError, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ModelState
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Concat, NullIf

from tests.support.models import define_models
from zero_downtime.errors import Refused
from zero_downtime.postgres.shapes import ColumnShape
from zero_downtime.transitions.conversions import Conversion, compiled, plain_cast


def column(type_: str, collation: str | None = None) -> ColumnShape:
    return ColumnShape("value", type_, collation, False, None, None, None, None)


def cast(connection: BaseDatabaseWrapper, before: str, after: str) -> Conversion:
    with connection.schema_editor(atomic=False) as editor:
        return plain_cast(editor, column(before), column(after))


def assigned(
    connection: BaseDatabaseWrapper, conversion: Conversion, value: str, type_: str
) -> Any:
    """Return what a column of the type holds after the conversion was assigned to it."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE target (value {type_}) ON COMMIT PRESERVE ROWS")
        try:
            cursor.execute(f"INSERT INTO target VALUES ({conversion.of(value)})")
            cursor.execute("SELECT value FROM target")
            return cursor.fetchone()[0]
        finally:
            cursor.execute("DROP TABLE target")


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        ("character varying(9)", "character varying(3)", "'abcd'::varchar"),
        ("text", "character(3)", "'abcd'::text"),
        ("character varying(9)[]", "character varying(3)[]", "array['abcd']::varchar[]"),
        ("bit varying(9)", "bit(3)", "'1010'::varbit"),
        ("text", "integer", "'one'::text"),
        ("bigint", "integer", "3000000000"),
        ("numeric(9,2)", "numeric(4,2)", "123.45"),
    ],
)
def test_nothing_is_cut_off(
    connection: BaseDatabaseWrapper, before: str, after: str, value: str
) -> None:
    with pytest.raises(DataError):
        assigned(connection, cast(connection, before, after), value, after)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Lima"])
@pytest.mark.parametrize(
    ("before", "after", "value", "expected"),
    [
        ("date", "timestamp with time zone", "'2024-05-01'::date", "2024-05-01 00:00:00"),
        (
            "timestamp without time zone",
            "timestamp with time zone",
            "'2024-05-01 23:30'::timestamp",
            "2024-05-01 23:30:00",
        ),
        (
            "timestamp with time zone",
            "date",
            "'2024-05-01 23:30+00'::timestamptz",
            "2024-05-01 00:00:00",
        ),
    ],
)
def test_the_time_zone_of_the_session_that_writes_does_not_matter(
    connection: BaseDatabaseWrapper, zone: str, before: str, after: str, value: str, expected: str
) -> None:
    conversion = cast(connection, before, after)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('timezone', %s, false)", [zone])
        in_utc = "::timestamp" if after == "date" else " AT TIME ZONE 'UTC'"
        cursor.execute(f"SELECT ({conversion.of(value)}){in_utc}")
        assert str(cursor.fetchone()[0]) == expected


def test_what_cannot_fail_is_known(connection: BaseDatabaseWrapper) -> None:
    assert cast(connection, "integer", "bigint").cannot_fail
    assert cast(connection, "uuid", "text").cannot_fail
    assert not cast(connection, "bigint", "integer").cannot_fail
    assert not cast(connection, "integer", "numeric(9,2)").cannot_fail


def note() -> type[models.Model]:
    (model,) = define_models(
        ModelState(
            "shop",
            "Note",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("value", models.TextField(db_column="Some % Value")),
                ("other", models.TextField()),
            ],
        )
    )
    return model


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        (F("value"), "'5'", 5),
        (Coalesce(NullIf(F("value"), Value("")), Value("0")), "''", 0),
        (
            Case(When(Q(value__startswith="100 %"), then=Value(100)), default=Value(1)),
            "'100 %!'",
            100,
        ),
        (Value(3), "'x'", 3),
        (3, "'x'", 3),
        (Case(When(value="it's", then=1), default=2), "'it''s'", 1),
    ],
)
def test_an_expression_of_the_value(
    connection: BaseDatabaseWrapper, expression: Any, value: str, expected: int
) -> None:
    with connection.schema_editor(atomic=False) as editor:
        conversion = compiled(editor, note(), "value", expression, column("integer"))
    assert assigned(connection, conversion, f"{value}::text", "integer") == expected


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (F("other"), "names other"),
        (Concat("value", "other"), "names other"),
        (models.Count("value"), "looks at other rows"),
        (F("value__author"), "not permitted|Unsupported|Joined"),
        (F("nothing"), "names nothing"),
    ],
)
def test_an_expression_of_something_else_is_refused(
    connection: BaseDatabaseWrapper, expression: Any, problem: str
) -> None:
    with (
        connection.schema_editor(atomic=False) as editor,
        pytest.raises(Refused, match=problem),
    ):
        compiled(editor, note(), "value", expression, column("integer"))
