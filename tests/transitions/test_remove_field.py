"""What old code writes while the column is archived and dropped."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ModelState
from django.test import override_settings

from tests.support.ahead import Ahead
from tests.support.django_database import create_own_tables
from tests.support.models import create_models
from zero_downtime.errors import Refused
from zero_downtime.transitions import remove_field
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.remove_field import FieldRemoval

ORDER = ModelState(
    "shop",
    "Order",
    [("id", models.BigAutoField(primary_key=True)), ("note", models.TextField(null=True))],
)


@pytest.fixture
def removal(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> Iterator[FieldRemoval]:
    """The removal of a field that old code has given to one order, expanded."""
    create_own_tables(connection)
    (model,) = create_models(connection, ORDER)
    pg.execute("INSERT INTO shop_order (note) VALUES ('a')")
    key = TransitionKey(remove_field.KIND, "shop", "order", "note", "")
    removal = FieldRemoval(key, model, "note", archive=True)
    with connection.schema_editor(atomic=False) as editor:
        remove_field.expand(editor, removal)
    with override_settings(ZERO_DOWNTIME={"CONTRACT_QUIET": 0}):
        yield removal


def contract(connection: BaseDatabaseWrapper, removal: FieldRemoval) -> None:
    with connection.schema_editor(atomic=False) as editor:
        remove_field.contract(editor, removal, drop=lambda: None)


def notes(pg: psycopg.Connection, table: str) -> list[str]:
    return [note for (note,) in pg.execute(f"SELECT note FROM {table}".encode())]


def test_a_write_that_is_committed_in_the_meantime_is_archived(
    connection: BaseDatabaseWrapper, removal: FieldRemoval, pg: psycopg.Connection
) -> None:
    pg.execute("BEGIN; UPDATE shop_order SET note = 'b'")
    pg.execute(  # a minute passes
        "SELECT setval(oid::regclass, pg_sequence_last_value(oid) - 60) FROM pg_class "
        "WHERE relkind = 'S' AND relname LIKE 'zero_downtime_%_old_write'"
    )
    commit = Ahead("LOCK TABLE", "pg_stat_activity", call=lambda: pg.execute("COMMIT"))
    with connection.execute_wrapper(commit):
        contract(connection, removal)
    assert notes(pg, "shop_order_note_archive") == ["b"]


@pytest.mark.parametrize("statement", ["INSERT INTO", "LOCK TABLE"])
def test_a_write_after_the_archive_keeps_the_column(
    connection: BaseDatabaseWrapper,
    removal: FieldRemoval,
    pg: psycopg.Connection,
    statement: str,
) -> None:
    write = Ahead(statement, call=lambda: pg.execute("UPDATE shop_order SET note = 'b'"))
    with (
        connection.execute_wrapper(write),
        pytest.raises(Refused, match="Nothing was dropped"),
    ):
        contract(connection, removal)
    assert notes(pg, "shop_order") == ["b"]


def test_nobody_writes_between_the_last_look_and_the_drop(
    connection: BaseDatabaseWrapper, removal: FieldRemoval, pg: psycopg.Connection
) -> None:
    def write() -> None:
        pg.execute("SET lock_timeout = 10")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            pg.execute("UPDATE shop_order SET note = 'b'")

    ahead = Ahead("DROP COLUMN", call=write)
    with connection.execute_wrapper(ahead):
        contract(connection, removal)
    assert ahead.called
    assert notes(pg, "shop_order_note_archive") == ["a"]
