"""Keys of, and foreign keys from, partitioned tables and tables in other schemas."""

from __future__ import annotations

import pytest
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.operations.test_same_schema import backwards, forwards
from tests.support.alterations import fill_hidden
from tests.support.keyed_shop import (
    BIG,
    CUSTOMER,
    CUSTOMERS,
    Auto,
    Case,
    create,
    model,
    one_to,
    rows,
    to,
    visible,
)
from zero_downtime.errors import Refused
from zero_downtime.models import Transition

EVENT = model("Event", ("customer", to("customer", null=True)), ("day", models.IntegerField()))
FROM_PARTITIONS = Case(
    "from partitions",
    [CUSTOMER, EVENT],
    "id",
    BIG,
    f"{CUSTOMERS} INSERT INTO shop_event VALUES (1, 1, 1), (2, NULL, 15), (3, 3, 12);",
    """
    DROP TABLE shop_event;
    CREATE TABLE shop_event (
        id bigint,
        customer_id integer REFERENCES shop_customer DEFERRABLE INITIALLY DEFERRED,
        day integer NOT NULL,
        PRIMARY KEY (id, day)
    ) PARTITION BY RANGE (day);
    CREATE INDEX shop_event_customer_id_idx ON shop_event (customer_id);
    CREATE TABLE shop_event_1 PARTITION OF shop_event FOR VALUES FROM (0) TO (10);
    CREATE TABLE shop_event_2 PARTITION OF shop_event FOR VALUES FROM (10) TO (20);
    """,
)
OTHER_SCHEMAS = Case(
    "other schemas",
    [
        model(
            "Customer",
            ("id", Auto(primary_key=True)),
            ("name", models.TextField()),
            options={"db_table": 'tenant"."customer'},
        ),
        model("Order", ("customer", to("customer")), options={"db_table": '"Two Words"."order"'}),
        model("Card", ("customer", one_to("customer"))),
    ],
    "id",
    BIG,
    """
    INSERT INTO tenant.customer (name) VALUES ('a'), ('b');
    INSERT INTO "Two Words"."order" (customer_id) VALUES (1), (2);
    INSERT INTO shop_card (customer_id) VALUES (2);
    """,
)
PARTITIONED = Case(
    "partitioned",
    [CUSTOMER],
    "id",
    BIG,
    "",
    """
    DROP TABLE shop_customer;
    CREATE TABLE shop_customer (id integer PRIMARY KEY, name text) PARTITION BY HASH (id);
    """,
)


@pytest.mark.parametrize("case", [FROM_PARTITIONS, OTHER_SCHEMAS], ids=lambda case: case.id)
def test_there_and_back(connection: BaseDatabaseWrapper, case: Case) -> None:
    with connection.cursor() as cursor:
        cursor.execute('CREATE SCHEMA tenant; CREATE SCHEMA "Two Words"')
    state = create(connection, case)
    before, old_rows = visible(connection, state), rows(connection, state)
    expand, switch, contract = case.steps()

    forwards(connection, expand, state)
    fill_hidden(connection)
    switched = forwards(connection, switch, state)
    backwards(connection, switch, state, switched)
    assert visible(connection, state) == before
    forwards(connection, switch, state)
    forwards(connection, contract, switched)
    after = visible(connection, switched)
    for (table, kind), things in after.items():
        if kind == "columns":
            keys = {"id"} if table.endswith("customer") else {"customer_id"}
            assert {things[name].type for name in keys} == {"bigint"}
        else:
            assert len(things) == len(before[table, kind])
    assert rows(connection, switched) == old_rows

    backwards(connection, contract, switched, switched)
    backwards(connection, switch, state, switched)
    backwards(connection, expand, state, state)
    assert visible(connection, state) == before


def test_the_key_of_a_partitioned_table_is_refused(connection: BaseDatabaseWrapper) -> None:
    state = create(connection, PARTITIONED)
    expand, _, _ = PARTITIONED.steps()
    with pytest.raises(Refused, match='Table "shop_customer" is partitioned'):
        forwards(connection, expand, state)
    assert not Transition.objects.using(connection.alias).exists()
