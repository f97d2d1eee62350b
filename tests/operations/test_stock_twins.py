"""Beside the stock operations: the same state and names, the same respect for routers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.operations.base import Operation
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ProjectState
from django.db.utils import ConnectionHandler
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from tests.operations.matrix import CASES, Case, start
from tests.operations.test_crash_matrix import SHORT
from tests.operations.test_same_schema import backwards, forwards, state_after
from tests.support.schema import read_schema
from zero_downtime import operations as zd
from zero_downtime.errors import Refused

EVERY_CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
SOME_CASES = pytest.mark.parametrize(
    "case", [case for case in CASES if case.id in SHORT], ids=lambda case: case.id
)


@EVERY_CASE
def test_the_state_is_that_of_the_stock_operation(case: Case) -> None:
    ours, stock = (state_after([*start(), case.make(kind)]) for kind in (False, True))
    assert detected(ours, stock) == {}
    assert detected(state_after(start()), ours) != {}


def detected(before: ProjectState, after: ProjectState) -> dict[str, Any]:
    """Return what `makemigrations` would write."""
    questioner = MigrationQuestioner(specified_apps={"shop"})
    changes: dict[str, Any] = MigrationAutodetector(before, after, questioner).changes(
        MigrationGraph()
    )
    return changes


@EVERY_CASE
def test_names_are_those_of_the_stock_operation(case: Case) -> None:
    ours, stock = case.make(False), case.make(True)
    assert ours.migration_name_fragment == stock.migration_name_fragment
    assert ours.describe() == f"Concurrently: {stock.describe()}"
    assert ours.elidable is stock.elidable is False
    assert ours.reversible is stock.reversible is True


@SOME_CASES
def test_a_transaction_is_refused(connection: BaseDatabaseWrapper, case: Case) -> None:
    """Before anything is looked at, so there need not even be tables."""
    state = state_after(start())
    after = state.clone()
    operation = case.make(False)
    operation.state_forwards("shop", after)
    with (
        pytest.raises(Refused, match="set `atomic = False`"),
        connection.schema_editor(atomic=True) as editor,
    ):
        operation.database_forwards("shop", editor, state, after)


class Nowhere:
    """A router that lets nothing into this database."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return False


@SOME_CASES
def test_a_router_keeps_it_away(connection: BaseDatabaseWrapper, case: Case) -> None:
    with override_settings(DATABASE_ROUTERS=[Nowhere()]):
        state = state_after(start())
        after = forwards(connection, case.make(False), state)
        backwards(connection, case.make(False), state, after)
    assert read_schema(connection) == []


ELSEWHERE = [
    zd.AddFieldConcurrently("book", "note", models.CharField(max_length=9, default="x")),
    zd.AddFieldConcurrently("book", "shelves", models.ManyToManyField("shop.shelf")),
    zd.AlterFieldConcurrently("book", "title", models.CharField(max_length=200, unique=True)),
    zd.AddIndexConcurrently("book", models.Index(fields=["title"], name="by_title")),
    zd.AddConstraintConcurrently(
        "book", models.UniqueConstraint(fields=["title"], name="one_title")
    ),
    zd.RemoveIndexConcurrently("book", "by_title"),
]
TWINS: dict[type[Operation], type[Operation]] = {
    zd.AddFieldConcurrently: migrations.AddField,
    zd.AlterFieldConcurrently: migrations.AlterField,
    zd.AddIndexConcurrently: migrations.AddIndex,
    zd.RemoveIndexConcurrently: migrations.RemoveIndex,
    zd.AddConstraintConcurrently: migrations.AddConstraint,
}


def test_elsewhere_it_is_the_stock_operation(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    """Even inside a transaction, in which SQLite runs migrations."""
    schemas = []
    for stock in (True, False):
        connection = sqlite(tmp_path / f"{stock}.sqlite3")
        with django_db_blocker.unblock():
            state = state_after([])
            for operation in [
                migrations.CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True))]),
                migrations.CreateModel(
                    "Book",
                    [
                        ("id", models.BigAutoField(primary_key=True)),
                        ("title", models.CharField(max_length=20)),
                    ],
                ),
                *(twin(each) if stock else each for each in ELSEWHERE),
            ]:
                before, state = state, state.clone()
                operation.state_forwards("shop", state)
                with connection.schema_editor(atomic=True) as editor:
                    operation.database_forwards("shop", editor, before, state)
            with connection.cursor() as cursor:
                cursor.execute("SELECT name, sql FROM sqlite_master ORDER BY name")
                schemas.append(cursor.fetchall())
            connection.close()
    assert schemas[0] == schemas[1]
    assert {"shop_book", "shop_book_shelves"} <= {name for name, _ in schemas[0]}


def twin(operation: Operation) -> Operation:
    _, args, kwargs = operation.deconstruct()
    return TWINS[type(operation)](*args, **kwargs)


def sqlite(file: Path) -> BaseDatabaseWrapper:
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": file}
    connection: BaseDatabaseWrapper = ConnectionHandler({"default": settings})["default"]
    assert isinstance(connection, SQLite)
    return connection
