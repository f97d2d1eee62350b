"""What becomes of values whose type changes: `conversion` says of each type what a server does."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from zero_downtime.postgres.type_changes import Conversion, conversion

VALUES = {
    "boolean": ["true", "false"],
    "smallint": ["0", "1", "7", "32000", "-32000"],
    "integer": ["0", "1", "7", "2000000000", "-2000000000"],
    "bigint": ["0", "1", "7", "9000000000000000", "-9000000000000000000"],
    "numeric(6, 2)": ["0", "1.25", "9999.99", "-9999.99"],
    "numeric(12, 2)": ["0", "1.25", "9999999999.99"],
    "numeric(12, 4)": ["0", "1.2525", "99999999.9999"],
    "double precision": ["0", "1.25", "1e300", "1.2345678901234"],
    "varchar(10)": ["", "abc", "abcdefghij"],
    "varchar(50)": ["", "abc", "\\000", "a" * 50],
    "text": ["", "abc", "\\000", "a" * 500],
    "date": ["2020-01-02"],
    "time": ["03:04:05.123456"],
    "timestamp with time zone": ["2020-01-02 03:04:05.123456+00"],
    "interval": ["3 hours", "123456 years 11 mons 400 days 123456:04:05.123456"],
    "uuid": ["00000000-0000-0000-0000-000000000005"],
    "jsonb": ['{"a": 1}', '"x"', "7", '"' + "a" * 60 + '"'],
    "inet": ["10.0.0.1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/64"],
    "bytea": ["abc", "a" * 60],
    "integer[]": ["{1,2}", "{" + ",".join(["2000000000"] * 9) + "}"],
    "bigint[]": ["{1,2}", "{" + ",".join(["9000000000000000000"] * 9) + "}"],
    "varchar(10)[]": ["{" + ",".join(["abcdefghij"] * 9) + "}"],
    "text[]": ["{a}", "{" + "a" * 60 + "}"],
}
NOT_SAID = {
    # Nobody has reason to, and the cast is new in PostgreSQL 18.
    *((number, "bytea") for number in ("smallint", "integer", "bigint")),
    *(("bytea", number) for number in ("smallint", "integer", "bigint")),
    # Numbers of more than 15 digits are rare, and those of fewer come back.
    ("bigint", "double precision"),
    # What an interval is written like may change: it fails on most texts anyhow.
    ("varchar(50)", "interval"),
    ("text", "interval"),
    # Nobody has an interval whose text is as long as that may be.
    ("interval", "varchar(50)"),
    # The text of a number may be short, in an array as well.
    ("integer[]", "varchar(10)[]"),
    # A number comes back, but with zeros behind the point.
    *(("jsonb", number) for number in ("numeric(6, 2)", "numeric(12, 2)", "numeric(12, 4)")),
}


@pytest.mark.parametrize("before", ["varchar(50)", "integer", "timestamp with time zone"])
def test_values_of_a_type(pg: psycopg.Connection, before: str) -> None:
    assert said_of(before) == observed_of(pg, before)


@pytest.mark.slow
@pytest.mark.parametrize("before", VALUES)
def test_values_of_all_types(pg: psycopg.Connection, before: str) -> None:
    assert said_of(before) == observed_of(pg, before)


@pytest.mark.parametrize(
    ("before", "after"),
    [("varchar(50)", "varchar(10)"), ("text", "varchar(10)"), ("varchar(10)[]", "varchar(5)[]")],
)
def test_without_using_a_text_that_is_too_long_is_an_error(
    pg: psycopg.Connection, before: str, after: str
) -> None:
    text = "{aaaaaaaaaa}" if "[]" in before else "a" * 20
    fill(pg, before, text)

    with pytest.raises(errors.StringDataRightTruncation):
        pg.execute(f"ALTER TABLE book ALTER code TYPE {after}")

    assert conversion(before, after, cast=False) == Conversion(may_fail=True, narrows=True)
    assert conversion(before, after, cast=True) == Conversion(loses=True, narrows=True)


@pytest.mark.parametrize(
    ("before", "after", "breaks"),
    [
        ("integer", "bigint", False),
        ("varchar(10)", "text", False),
        ("date", "timestamp with time zone", False),
        ("integer", "text", True),
        ("text", "integer", True),
        ("integer", "boolean", True),
        ("uuid", "varchar(36)", True),
    ],
)
def test_what_code_of_the_former_type_reads_and_writes(
    before: str, after: str, breaks: bool
) -> None:
    assert conversion(before, after).breaks_old_code is breaks


def said_of(before: str) -> dict[str, Conversion | None]:
    return {after: told(conversion(before, after)) for after in others(before)}


def observed_of(pg: psycopg.Connection, before: str) -> dict[str, Conversion | None]:
    pg.execute("SET TimeZone = 'UTC'")
    return {after: observed(pg, before, after) for after in others(before)}


def others(before: str) -> list[str]:
    return [after for after in VALUES if after != before and (before, after) not in NOT_SAID]


def told(known: Conversion) -> Conversion | None:
    """Return what can be observed of it; None if there is no cast."""
    return Conversion(may_fail=known.may_fail, loses=known.loses) if known.possible else None


def observed(pg: psycopg.Connection, before: str, after: str) -> Conversion | None:
    may_fail = loses = False
    for value in VALUES[before]:
        fill(pg, before, value)
        try:
            pg.execute(f"ALTER TABLE book ALTER code TYPE {after} USING code::{after}")
        except errors.CannotCoerce:
            return None
        except psycopg.Error:
            may_fail = True
        else:
            loses = loses or not comes_back(pg, before, value)
    return Conversion(may_fail=may_fail, loses=loses)


def fill(pg: psycopg.Connection, type_: str, value: str) -> None:
    pg.execute("DROP TABLE IF EXISTS book, kept")
    pg.execute(f"CREATE TABLE book (code {type_})")
    pg.execute("INSERT INTO book VALUES (%s)", [value])
    pg.execute("CREATE TABLE kept AS TABLE book")


def comes_back(pg: psycopg.Connection, type_: str, value: str) -> bool:
    """Tell whether the former value can be had from the new one, by a cast or as text."""
    for way in (f"code::{type_}", f"code::text::{type_}"):
        try:
            same = pg.execute(
                f"SELECT {way}::text = (SELECT code::text FROM kept) FROM book"
            ).fetchone()
        except psycopg.Error:
            continue
        if same == (True,):
            return True
    return False
