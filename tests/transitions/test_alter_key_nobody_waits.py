"""While a key of a big table gets a bigger type, those who read and write hardly notice.

The short form has 20,000 rows in each of four tables; the long form, `-m slow`, 1,000,000.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.operations.test_nobody_waits import (
    LOCK_TIMEOUT,
    TOLERANCE,
    clients,
    waits_because_of,
    watched,
)
from tests.operations.test_same_schema import backwards, forwards
from tests.support.alterations import fill_hidden
from tests.support.keyed_shop import BIG, CUSTOMER, Case, create, insert_customer, model, one_to, to

# A client that wants a row waits for the batch that has it, which is another matter.
SETTINGS = {"LOCK_TIMEOUT": LOCK_TIMEOUT, "BATCH_TARGET_SECONDS": 0.1}

REFERENCED = Case(
    "",
    [
        CUSTOMER,
        model("Order", ("customer", to("customer")), ("total", models.IntegerField(default=0))),
        model("Visit", ("customer", to("customer", null=True))),
        model("Card", ("customer", one_to("customer"))),
    ],
    "id",
    BIG,
    rows="",
)
FILL = """
    INSERT INTO shop_customer (name) SELECT 'customer ' || n FROM generate_series(1, {rows}) AS n;
    INSERT INTO shop_order (customer_id, total) SELECT id, 1 FROM shop_customer;
    INSERT INTO shop_visit (customer_id) SELECT nullif(id, 7) FROM shop_customer;
    INSERT INTO shop_card (customer_id) SELECT id FROM shop_customer;
    ANALYZE;
"""
SOMEBODY = "1 + (random() * {rows} * 0.99)::int"
REQUESTS = (
    "WITH buyer AS (INSERT INTO shop_customer (name) VALUES ('new') RETURNING id) "
    "SELECT FROM buyer",
    f"INSERT INTO shop_order (customer_id, total) VALUES ({SOMEBODY}, 2)",
    f"UPDATE shop_order SET customer_id = {SOMEBODY} WHERE id = {SOMEBODY}",
    f"UPDATE shop_customer SET name = 'renamed' WHERE id = {SOMEBODY}",
    f"UPDATE shop_visit SET customer_id = {SOMEBODY} WHERE id = {SOMEBODY}",
    "DELETE FROM shop_card WHERE id = (SELECT max(id) FROM shop_card)",
    f"SELECT count(*) FROM shop_customer JOIN shop_order ON customer_id = shop_customer.id "
    f"JOIN shop_card USING (customer_id) WHERE shop_customer.id = {SOMEBODY}",
)
# In one statement each, because a client sends one at a time: several tables in one transaction.
TRANSACTION = (
    "DO $$ DECLARE buyer bigint; BEGIN "
    "INSERT INTO shop_customer (name) VALUES ('buyer') RETURNING id INTO buyer; "
    "INSERT INTO shop_order (customer_id, total) VALUES (buyer, 3); "
    "INSERT INTO shop_card (customer_id) VALUES (buyer); "
    "UPDATE shop_visit SET customer_id = buyer WHERE id = 1 + (random() * {rows} * 0.99)::int; "
    "END $$"
)


def assert_nobody_waits(connection: BaseDatabaseWrapper, url: str, count: int) -> None:
    state = create(connection, REFERENCED)
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(rows=count))
    expand, switch, contract = REFERENCED.steps()
    switched = state.clone()
    switch.state_forwards("shop", switched)
    steps: list[tuple[str, Callable[[], object]]] = [
        ("expand", partial(forwards, connection, expand, state)),
        ("backfill", partial(fill_hidden, connection)),
        ("switch", partial(forwards, connection, switch, state)),
        ("switch back", partial(backwards, connection, switch, state, switched)),
        ("switch again", partial(forwards, connection, switch, state)),
        ("contract", partial(forwards, connection, contract, switched)),
    ]
    longest = {}
    with (
        override_settings(ZERO_DOWNTIME=SETTINGS),
        watched(connection, url) as wrong,
        clients(url, count, (*REQUESTS, TRANSACTION)),
    ):
        for name, step in steps:
            with waits_because_of(connection, url) as waits:
                step()
            longest[name] = waits.longest
    print({name: f"{seconds:.3f} s" for name, seconds in longest.items()})
    assert wrong == []
    assert max(longest.values()) < LOCK_TIMEOUT + TOLERANCE
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM shop_customer")
        (last,) = cursor.fetchone()
    assert insert_customer(connection) > last


def test_on_small_tables(connection: BaseDatabaseWrapper, database_url: str) -> None:
    assert_nobody_waits(connection, database_url, 20_000)


@pytest.mark.slow
def test_on_a_million_rows_in_each_table(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    assert_nobody_waits(connection, database_url, 1_000_000)
