"""What may come between the comparison, the building and the exchange of the names."""

from __future__ import annotations

import psycopg
import pytest
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState
from django.test import override_settings

from tests.operations.test_expand_alter_field_schema import Case, create, leftovers, values
from tests.operations.test_nobody_waits import (
    LOCK_TIMEOUT,
    TOLERANCE,
    clients,
    waits_because_of,
    watched,
)
from tests.operations.test_same_schema import backwards, forwards
from tests.support.ahead import Ahead
from tests.support.alterations import fill_hidden
from zero_downtime import operations as zd
from zero_downtime.errors import Refused

ROWS = 20_000
REQUESTS = (
    "SELECT value FROM shop_book WHERE id = 1 + (random() * {rows})::int",
    "UPDATE shop_book SET number = number + 1 WHERE id = 1 + (random() * {rows})::int",
    "INSERT INTO shop_book (number, value) VALUES (0, (random() * 2000000000)::bigint) "
    "ON CONFLICT (value) DO UPDATE SET number = excluded.number",
)
NULLABLE = Case(
    "",
    models.TextField(null=True, unique=True),
    models.IntegerField(null=True, unique=True),
    ["1", "2", None],
)


def steps(case: Case) -> tuple[zd.ExpandAlterField, zd.SwitchAlterField, zd.ContractAlterField]:
    arguments = ("book", "value", case.new)
    return (
        zd.ExpandAlterField(*arguments),
        zd.SwitchAlterField(*arguments),
        zd.ContractAlterField(*arguments),
    )


def expanded(connection: BaseDatabaseWrapper, case: Case) -> ProjectState:
    state = create(connection, case)
    forwards(connection, steps(case)[0], state)
    fill_hidden(connection)
    return state


@pytest.mark.parametrize("value", ["none of yours", "77"])
def test_a_write_between_the_comparison_and_the_exchange(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, value: str
) -> None:
    state = expanded(connection, NULLABLE)
    write = Ahead(
        "LOCK TABLE",
        call=lambda: pg.execute("UPDATE shop_book SET value = %s WHERE id = 2", [value]),
    )
    with connection.execute_wrapper(write):
        if value == "77":
            switched = forwards(connection, steps(NULLABLE)[1], state)
            assert values(connection, switched) == [1, 77, None]
        else:
            with pytest.raises(Refused, match=r"1 of 3 rows differ \(keys 2\)"):
                forwards(connection, steps(NULLABLE)[1], state)
            assert values(connection, state) == ["1", value, None]
            pg.execute("UPDATE shop_book SET value = '01' WHERE id = 2")  # twice 1 is no problem
    assert write.called


def test_a_write_that_is_rolled_back_is_no_reason_to_refuse(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    state = expanded(connection, NULLABLE)

    def write_in_vain() -> None:
        with pg.transaction(force_rollback=True):
            pg.execute("UPDATE shop_book SET value = 'x' WHERE id = 2")

    write = Ahead("LOCK TABLE", call=write_in_vain)
    with connection.execute_wrapper(write):
        switched = forwards(connection, steps(NULLABLE)[1], state)
    assert write.called
    assert values(connection, switched) == [1, 2, None]


def test_a_write_from_before_the_comparison_that_is_committed_after_it(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    case = Case("", models.TextField(null=True), models.IntegerField(null=True), ["1", "2"])
    state = expanded(connection, case)
    pg.execute("BEGIN; UPDATE shop_book SET value = 'x' WHERE id = 2")
    commit = Ahead("LOCK TABLE", "pg_stat_activity", call=lambda: pg.execute("COMMIT"))
    with connection.execute_wrapper(commit), pytest.raises(Refused, match=r"\(keys 2\)"):
        forwards(connection, steps(case)[1], state)
    assert values(connection, state) == ["1", "x"]


def test_no_row_is_read_while_others_cannot_write(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, database_url: str
) -> None:
    case = Case(
        "",
        models.PositiveIntegerField(unique=True),
        models.PositiveBigIntegerField(unique=True),
        [],
        {"indexes": [models.Index(fields=["value", "number"], name="by_value")]},
    )
    expand, switch, contract = steps(case)
    state = create(connection, case)
    pg.execute(
        "INSERT INTO shop_book (number, value) SELECT n, n FROM generate_series(1, %s) AS n", [ROWS]
    )
    with (
        override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": LOCK_TIMEOUT}),
        watched(connection, database_url) as wrong,
        waits_because_of(connection, database_url) as waits,
        clients(database_url, ROWS, REQUESTS),
    ):
        forwards(connection, expand, state)
        fill_hidden(connection)
        switched = forwards(connection, switch, state)
        backwards(connection, switch, state, switched)
        forwards(connection, switch, state)
        forwards(connection, contract, switched)
    assert wrong == []
    assert waits.longest < LOCK_TIMEOUT + TOLERANCE
    print(f"somebody waited for {waits.longest:.3f} s")
    assert leftovers(connection) == []
