"""The connection dies after any statement of a step; the step, run again, ends well."""

from __future__ import annotations

from functools import partial

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.operations.test_expand_alter_field_crashes import Dying, expand_and_fill
from tests.operations.test_same_schema import backwards, forwards
from tests.support.alterations import fill_hidden
from tests.support.keyed_shop import CASES, Case, create, insert_customer, rows, schema, visible

SHORT = {"serial referenced"}


def assert_survives(
    connection: BaseDatabaseWrapper, observer: psycopg.Connection, case: Case, every: int = 1
) -> None:
    state = create(connection, case)
    stock_after = forwards(connection, case.stock(), state)
    stock = schema(connection)
    state = create(connection, case)
    before, look, old_rows = schema(connection), visible(connection, state), rows(connection, state)
    expand, switch, contract = case.steps()
    there, back = partial(forwards, connection), partial(backwards, connection)
    dying = Dying(connection, observer, every)

    dying.run(partial(there, expand, state), partial(back, expand, state, state))
    fill_hidden(connection)
    dying.run(partial(there, switch, state), partial(back, switch, state, stock_after))
    assert rows(connection, stock_after) == old_rows
    dying.run(partial(back, switch, state, stock_after), partial(there, switch, state))
    assert visible(connection, state) == look
    there(switch, state)
    dying.run(
        partial(there, contract, stock_after), partial(back, contract, stock_after, stock_after)
    )
    assert schema(connection) == stock
    if case.next_key is not None:
        assert insert_customer(connection) == case.next_key
    dying.run(
        partial(back, contract, stock_after, stock_after), partial(there, contract, stock_after)
    )
    back(switch, state, stock_after)
    dying.run(
        partial(back, expand, state, state), partial(expand_and_fill, connection, expand, state)
    )
    assert schema(connection) == before
    if case.next_key is not None:
        assert insert_customer(connection) == case.next_key + 1
    print(f"died {dying.deaths} times")


@pytest.mark.parametrize("case", [case for case in CASES if case.id in SHORT], ids=lambda c: c.id)
def test_killed_after_some_statements(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, case: Case
) -> None:
    assert_survives(connection, pg, case, every=17)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_killed_after_any_statement_of_the_whole_matrix(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, case: Case
) -> None:
    assert_survives(connection, pg, case)
