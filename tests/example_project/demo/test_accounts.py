from __future__ import annotations

import psycopg
import pytest

from example_project.demo.accounts import Accounts, Comparison
from example_project.demo.sharing import HOT

FIRST = HOT + 1


@pytest.fixture
def accounts(pg: psycopg.Connection) -> Accounts:
    """Two hot customers and two others, loaded and expanded."""
    pg.execute("CREATE TABLE shop_customer (id bigint PRIMARY KEY, name text)")
    pg.execute(
        "INSERT INTO shop_customer VALUES (1, 'Ada'), (2, 'Bela'), (%s, 'Chidi'), (%s, 'Dana')",
        [FIRST, FIRST + 1],
    )
    accounts = Accounts(pg)
    accounts.remember_loaded()
    pg.execute("ALTER TABLE shop_customer ADD full_name text")
    return accounts


def fill(pg: psycopg.Connection) -> None:
    pg.execute("UPDATE shop_customer SET full_name = name")


def test_columns_come_and_go(accounts: Accounts, pg: psycopg.Connection) -> None:
    assert accounts.has_column("name")
    assert accounts.has_column("full_name")

    pg.execute("ALTER TABLE shop_customer DROP COLUMN name")

    assert not accounts.has_column("name")


def test_filled_share_counts_rows_with_the_new_name(
    accounts: Accounts, pg: psycopg.Connection
) -> None:
    assert accounts.filled_share() == 0

    pg.execute("UPDATE shop_customer SET full_name = name WHERE id = 1")

    assert accounts.filled_share() == 0.25


def test_columns_are_compared_in_every_row(accounts: Accounts, pg: psycopg.Connection) -> None:
    fill(pg)
    assert accounts.compare_columns() == Comparison(rows=4, differing=0)

    pg.execute("UPDATE shop_customer SET full_name = NULL WHERE id = 1")
    pg.execute("UPDATE shop_customer SET name = 'Bella' WHERE id = 2")

    assert accounts.compare_columns() == Comparison(rows=4, differing=2)


def test_customers_are_called_what_was_loaded_or_written_last(
    accounts: Accounts, pg: psycopg.Connection
) -> None:
    fill(pg)
    pg.execute("UPDATE shop_customer SET full_name = 'Chidi II' WHERE id = %s", [FIRST])
    pg.execute("DELETE FROM shop_customer WHERE id = %s", [FIRST + 1])
    pg.execute("INSERT INTO shop_customer VALUES (200, NULL, 'Emil')")

    ledger = {FIRST: "Chidi II", FIRST + 1: None, 200: "Emil"}

    assert accounts.compare_with_ledger(ledger) == Comparison(rows=3, differing=0)


@pytest.mark.parametrize(
    ("damage", "ledger"),
    [
        ("SELECT 1", {FIRST: "Chidi II"}),  # the write never arrived
        ("SELECT 1", {FIRST: None}),  # the deleted row is back
        ("SELECT 1", {200: "Emil"}),  # the new row never arrived
        ("UPDATE shop_customer SET full_name = 'Eve' WHERE name = 'Dana'", {}),
        ("DELETE FROM shop_customer WHERE name = 'Dana'", {}),
        ("INSERT INTO shop_customer VALUES (200, NULL, 'Eve')", {}),
    ],
)
def test_damage_is_noticed(
    accounts: Accounts, pg: psycopg.Connection, damage: str, ledger: dict[int, str | None]
) -> None:
    fill(pg)
    pg.execute(damage.encode())

    assert accounts.compare_with_ledger(ledger).differing == 1


def test_hot_customers_may_be_called_anything(accounts: Accounts, pg: psycopg.Connection) -> None:
    fill(pg)
    pg.execute("UPDATE shop_customer SET full_name = 'Who knows' WHERE id = 1")

    assert accounts.compare_with_ledger({}) == Comparison(rows=2, differing=0)
