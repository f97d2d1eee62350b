"""A key changes its type, and with it what refers to it, as with `AlterField`; and back."""

from __future__ import annotations

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.operations.test_same_schema import backwards, forwards
from tests.support.alterations import fill_hidden
from tests.support.keyed_shop import CASES, Case, create, insert_customer, rows, schema, visible


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_there_and_back(connection: BaseDatabaseWrapper, case: Case) -> None:
    state = create(connection, case)
    before, old_look = schema(connection), visible(connection, state)
    old_rows = rows(connection, state)
    stock_after = forwards(connection, case.stock(), state)
    stock, stock_look = schema(connection), visible(connection, stock_after)
    assert rows(connection, stock_after) == old_rows

    state = create(connection, case)
    expand, switch, contract = case.steps()
    expanded = forwards(connection, expand, state)
    assert fill_hidden(connection) == "succeeded"
    switched = forwards(connection, switch, expanded)
    assert visible(connection, switched) == stock_look
    assert rows(connection, switched) == old_rows
    backwards(connection, switch, expanded, switched)
    assert visible(connection, expanded) == old_look
    forwards(connection, switch, expanded)
    forwards(connection, contract, switched)
    assert schema(connection) == stock
    assert rows(connection, switched) == old_rows
    if case.next_key is not None:
        assert insert_customer(connection) == case.next_key

    backwards(connection, contract, switched, switched)
    backwards(connection, switch, expanded, switched)
    backwards(connection, expand, state, expanded)
    assert schema(connection) == before
    if case.next_key is not None:
        assert insert_customer(connection) == case.next_key + 1
