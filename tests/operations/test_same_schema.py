"""Our operations end in the very schema in which the stock ones end, there and back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.operations.matrix import APP, CASES, Case, start
from tests.support.schema import read_schema


def state_after(operations: list[Operation]) -> ProjectState:
    state = ProjectState()
    for operation in operations:
        operation.state_forwards(APP, state)
    return state


def forwards(
    connection: BaseDatabaseWrapper, operation: Operation, state: ProjectState
) -> ProjectState:
    """Run `operation` and return the state after it."""
    after = state.clone()
    operation.state_forwards(APP, after)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards(APP, editor, state, after)
    return after


def backwards(
    connection: BaseDatabaseWrapper, operation: Operation, state: ProjectState, after: ProjectState
) -> None:
    with connection.schema_editor(atomic=False) as editor:
        operation.database_backwards(APP, editor, after, state)


def there_and_back(
    connection: BaseDatabaseWrapper, operation: Operation
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the schema after `operation` and the schema after it was undone."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    state = ProjectState()
    for each in start():
        state = forwards(connection, each, state)
    after = forwards(connection, operation, state)
    changed = read_schema(connection)
    backwards(connection, operation, state, after)
    return changed, read_schema(connection)


def without_kept_defaults(schema: list[tuple[Any, ...]], case: Case) -> list[tuple[Any, ...]]:
    """Take away the defaults that ours leaves for old code, asserting that they are there."""
    rows = []
    kept = set()
    for row in schema:
        if row[0] == "column" and row[3] in case.keeps_default and row[1] == "shop_book":
            assert row[7] is not None
            kept.add(row[3])
            row = (*row[:7], None, *row[8:])
        rows.append(row)
    assert kept == set(case.keeps_default)
    return rows


def require_version(connection: BaseDatabaseWrapper, case: Case) -> None:
    """Skip the test of a case that this server does not know."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        (version,) = cursor.fetchone()
    if version < case.minimum_version:
        pytest.skip(f"needs PostgreSQL {case.minimum_version}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_same_schema_there_and_back(connection: BaseDatabaseWrapper, case: Case) -> None:
    require_version(connection, case)
    stock = there_and_back(connection, case.make(True))
    ours = there_and_back(connection, case.make(False))
    assert without_kept_defaults(ours[0], case) == stock[0]
    assert ours[1] == stock[1]
