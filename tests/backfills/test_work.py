"""What happens to the rows of one batch, and only to them."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Concat

from tests.backfills.witnessed import WitnessedTable
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.work import CallPython, CopyColumn, SetField, Work


def process(
    connection: BaseDatabaseWrapper, work: Work, after: str | None = None, upto: str = "999"
) -> None:
    work.process(connection, Key.of(connection, work.table), KeyRange(after, upto, 0))


def test_a_copy_keeps_to_its_range(connection: BaseDatabaseWrapper, table: WitnessedTable) -> None:
    table.insert(9)
    process(connection, CopyColumn("t", "old", "new"), after="3", upto="6")
    assert table.changed == [4, 5, 6]
    assert table.differing == 6


def test_a_copy_changes_the_rows_that_differ_and_no_other(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.pg.execute(
        "INSERT INTO t VALUES (1, 'same', 'same'), (2, 'a', 'b'), (3, 'a', NULL), "
        "(4, NULL, 'b'), (5, NULL, NULL), (6, '', NULL)"
    )
    process(connection, CopyColumn("t", "old", "new"))
    assert table.changed == [2, 3, 4, 6]
    assert table.differing == 0
    assert table.ask("SELECT count(*) FROM t WHERE old IS NULL") == 2


@pytest.mark.parametrize("name", ["Mixed Case", "100%", "%s", "batch", "locked_key", "keys"])
def test_a_copy_where_everything_has_an_unusual_name(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, name: str
) -> None:
    """The table, its key and both columns."""
    pg.execute(
        f'CREATE TABLE "{name}" (id integer, "{name}" integer PRIMARY KEY, "{name} new" integer);'
        f'INSERT INTO "{name}" VALUES (1, 1), (2, 2), (3, 3)'.encode()
    )
    copy = CopyColumn(name, name, f"{name} new")
    process(connection, copy, after="1")
    assert pg.execute(f'SELECT "{name} new" FROM "{name}" ORDER BY id'.encode()).fetchall() == [
        (None,),
        (2,),
        (3,),
    ]
    assert copy.differing(connection, Key.of(connection, name), KeyRange(None, "9", 3), 5) == (
        1,
        ["1"],
    )


def test_the_rows_that_differ_are_counted_and_some_are_named(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(12)
    table.pg.execute("UPDATE t SET new = old WHERE id IN (3, 11)")
    copy, key = CopyColumn("t", "old", "new"), Key.of(connection, "t")
    assert copy.differing(connection, key, KeyRange("1", "12", 11), 3) == (9, ["2", "4", "5"])
    assert copy.differing(connection, key, KeyRange("1", "12", 11), 0) == (9, [])
    assert copy.differing(connection, key, KeyRange("10", "11", 1), 3) == (0, [])


def model_of(connection: BaseDatabaseWrapper, key: models.Field[Any, Any]) -> type[models.Model]:
    """Create the table of a model `Item` with that key, as a migration would see it."""
    state = ProjectState()
    fields = [("id", key), ("old", models.TextField()), ("new", models.TextField(null=True))]
    state.add_model(ModelState("stock", "Item", fields))
    model: type[models.Model] = state.apps.get_model("stock", "Item")
    with connection.schema_editor() as editor:
        editor.create_model(model)
    return model


def create_items(model: type[models.Model], keys: list[Any]) -> None:
    manager: models.Manager[Any] = model._base_manager
    manager.bulk_create(model(pk=key, old=f"value {key}") for key in keys)


def new_values(model: type[models.Model]) -> list[str | None]:
    return list(model._base_manager.order_by("pk").values_list("new", flat=True))


def test_a_field_is_set_to_an_expression(connection: BaseDatabaseWrapper) -> None:
    model = model_of(connection, models.BigAutoField(primary_key=True))
    create_items(model, [-2, 1, 2, 3, 4])
    work = SetField(connection, model, "new", Concat(F("old"), Value(" %")), Q(id__lt=3))
    process(connection, work, after="-2", upto="3")
    assert new_values(model) == [None, "value 1 %", "value 2 %", None, None]
    process(connection, SetField(connection, model, "new", Value("first"), None), upto="-2")
    assert new_values(model)[:2] == ["first", "value 1 %"]


KEY_FIELDS: list[tuple[models.Field[Any, Any], list[Any]]] = [
    (
        models.UUIDField(primary_key=True),
        [f"{n}2345678-1234-1234-1234-123456789abc" for n in "03f"],
    ),
    (models.CharField(max_length=9, primary_key=True), ["", "A %s", "b"]),
    (models.DateField(primary_key=True), ["0999-12-31", "2024-02-29", "2025-01-01"]),
    (
        models.DateTimeField(primary_key=True),
        [f"2024-01-01 00:00:00.00000{n}+05:30" for n in (1, 2, 3)],
    ),
    (models.DecimalField(max_digits=5, decimal_places=2, primary_key=True), ["-1.50", "0", "7.25"]),
    (models.GenericIPAddressField(primary_key=True), ["10.0.0.1", "10.0.0.2", "::1"]),
]


@pytest.mark.parametrize(("field", "keys"), KEY_FIELDS, ids=lambda each: type(each).__name__)
def test_keys_come_back_from_text_into_the_models_type(
    connection: BaseDatabaseWrapper, field: models.Field[Any, Any], keys: list[Any]
) -> None:
    model = model_of(connection, field.clone())
    create_items(model, keys)
    key = Key.of(connection, "stock_item")
    first = key.next_range(connection, None, 1)
    assert first is not None
    rest = key.next_range(connection, first.upto, 5)
    assert rest is not None
    work = SetField(connection, model, "new", Value("second batch"), None)
    work.process(connection, key, rest)
    assert new_values(model) == [None, "second batch", "second batch"]


def test_python_gets_the_rows_of_the_batch(connection: BaseDatabaseWrapper) -> None:
    model = model_of(connection, models.BigAutoField(primary_key=True))
    create_items(model, [1, 2, 3, 4, 5])
    calls: list[tuple[str, list[int]]] = []

    def code(apps: str, items: QuerySet[Any]) -> None:
        calls.append((apps, sorted(items.values_list("pk", flat=True))))
        items.update(new="seen")

    work = CallPython(model, code, "the apps", ~Q(pk=3), batch_size=7)
    process(connection, work, after="1", upto="4")
    assert calls == [("the apps", [2, 4])]
    assert new_values(model) == [None, "seen", None, "seen", None]
    assert work.batch_size == 7
