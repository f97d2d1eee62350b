"""The connection dies after any statement of a step; the step, run again, ends well."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import psycopg
import pytest
from django.db import InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.operations.test_crash_matrix import Assassin
from tests.operations.test_expand_alter_field_schema import (
    CASES,
    Case,
    create,
    leftovers,
    shape,
    values,
    visible,
)
from tests.operations.test_same_schema import backwards, forwards
from tests.support.alterations import fill_hidden
from zero_downtime import operations as zd

SHORT = {"char to uuid unique"}


class Dying:
    """Runs a step, lets it die after each of its statements in turn, and runs it to its end.

    Args:
        every: how many statements it is from one death to the next.
    """

    def __init__(
        self, connection: BaseDatabaseWrapper, observer: psycopg.Connection, every: int = 1
    ) -> None:
        self.connection = connection
        self.every = every
        self.assassin = Assassin(connection, observer)
        self.deaths = 0

    def run(self, step: Callable[[], object], undo: Callable[[], object]) -> None:
        statements = self.assassin.watch(step)
        undo()
        victims = range(1, statements + 1, self.every)
        for victim in victims:
            with suppress(OperationalError, InterfaceError):
                self.assassin.watch(step, victim)
            self.connection.close()
            self.deaths += 1
            step()
            if victim < victims[-1]:
                undo()


def assert_survives(
    connection: BaseDatabaseWrapper, observer: psycopg.Connection, case: Case
) -> None:
    state = create(connection, case)
    before, old_values = shape(connection), values(connection, state)
    arguments = ("book", "value", case.new)
    expand, switch, contract = (
        step(*arguments)
        for step in (zd.ExpandAlterField, zd.SwitchAlterField, zd.ContractAlterField)
    )
    dying = Dying(connection, observer)

    def there(operation: Operation, from_state: ProjectState) -> Callable[[], object]:
        return lambda: forwards(connection, operation, from_state)

    def back(
        operation: Operation, state: ProjectState, after: ProjectState
    ) -> Callable[[], object]:
        return lambda: backwards(connection, operation, state, after)

    expanded = state
    dying.run(there(expand, state), back(expand, state, expanded))
    fill_hidden(connection)
    switched = expanded.clone()
    switch.state_forwards("shop", switched)
    dying.run(there(switch, expanded), back(switch, expanded, switched))
    assert values(connection, switched) is not None
    dying.run(back(switch, expanded, switched), there(switch, expanded))
    assert visible(shape(connection)) == before
    assert values(connection, expanded) == old_values
    forwards(connection, switch, expanded)
    dying.run(there(contract, switched), back(contract, switched, switched))
    assert leftovers(connection) == []
    dying.run(back(contract, switched, switched), there(contract, switched))
    backwards(connection, switch, expanded, switched)
    dying.run(back(expand, state, expanded), lambda: expand_and_fill(connection, expand, state))
    assert shape(connection) == before
    assert leftovers(connection) == []
    print(f"died {dying.deaths} times")


def expand_and_fill(
    connection: BaseDatabaseWrapper, expand: Operation, state: ProjectState
) -> None:
    forwards(connection, expand, state)
    fill_hidden(connection)


@pytest.mark.parametrize("case", [case for case in CASES if case.id in SHORT], ids=lambda c: c.id)
def test_killed_after_any_statement(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, case: Case
) -> None:
    assert_survives(connection, pg, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_killed_after_any_statement_of_the_whole_matrix(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, case: Case
) -> None:
    assert_survives(connection, pg, case)
