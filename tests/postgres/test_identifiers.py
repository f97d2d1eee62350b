from __future__ import annotations

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from hypothesis import given
from hypothesis import strategies as st

from zero_downtime.postgres.identifiers import (
    digest,
    fit,
    quote,
    quote_for_parameters,
    requoted,
    unquoted,
)


def test_a_name_of_63_bytes_fits_as_it_is() -> None:
    assert fit("a" * 63) == "a" * 63
    assert fit("é" * 31) == "é" * 31


def test_a_longer_name_is_cut_and_keeps_its_beginning() -> None:
    fitted = fit("a" * 64)
    assert fitted == f"{'a' * 54}_{digest('a' * 64)}"
    assert len(fitted) == 63


def test_bytes_count_not_characters() -> None:
    fitted = fit("é" * 32)  # 64 bytes
    assert fitted == f"{'é' * 27}_{digest('é' * 32)}"


def test_no_character_is_cut_in_half() -> None:
    fitted = fit("a" + "é" * 40)  # the cut at 54 bytes goes through a character
    assert fitted == f"a{'é' * 26}_{digest('a' + 'é' * 40)}"


@given(st.text(max_size=100), st.text(max_size=100))
def test_whatever_the_names_they_fit_and_stay_apart(name: str, other: str) -> None:
    name, other = "x" * 40 + name, "x" * 40 + other
    assert len(fit(name).encode()) <= 63
    assert (fit(name) == fit(other)) == (name == other)


def test_the_server_takes_a_fitted_name_as_it_stands(connection: BaseDatabaseWrapper) -> None:
    name = fit("täble_" * 20)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {quote(connection, name)} ()")
        cursor.execute("SELECT relname FROM pg_class WHERE relname = %s", [name])
        assert cursor.fetchall() == [(name,)]


@pytest.mark.parametrize(
    ("db_table", "said"),
    [
        ("shop_order", "shop_order"),
        ('"Orders"', "Orders"),
        ('"sales"."orders"', "sales.orders"),
        ('sales"."orders', "sales.orders"),
        ('"public"."orders"', "orders"),
    ],
)
def test_people_say_a_table_without_quotes(db_table: str, said: str) -> None:
    assert unquoted(db_table) == said
    assert unquoted(requoted(said)) == said


def test_the_server_finds_what_people_say(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA sales CREATE TABLE orders ()")
        cursor.execute(f"SELECT FROM {quote(connection, requoted('sales.orders'))}")


def test_the_digest_depends_on_where_one_part_ends() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("ab", "c") == digest("ab", "c")


def test_quoting(connection: BaseDatabaseWrapper) -> None:
    assert quote(connection, "Order") == '"Order"'
    assert quote(connection, '"other"."order"') == '"other"."order"'
    assert quote(connection, "100%") == '"100%"'
    assert quote_for_parameters(connection, "100%") == '"100%%"'
