"""A change of type on partitioned tables, under hostile names, in other schemas."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Q

from tests.operations import test_partitioned
from tests.operations.test_hostile_names import HOSTILE
from tests.operations.test_same_schema import backwards, forwards, state_after
from tests.support.alterations import fill_hidden
from tests.support.django_database import create_own_tables
from tests.support.schema import read_schema
from zero_downtime import operations as zd
from zero_downtime.models import Transition


def steps(model: str, name: str, field: Any) -> list[Operation]:
    return [
        step(model, name, field)
        for step in (zd.ExpandAlterField, zd.SwitchAlterField, zd.ContractAlterField)
    ]


def change_to_and_fro(
    connection: BaseDatabaseWrapper, state: ProjectState, operations: list[Operation]
) -> ProjectState:
    """Expand, switch, switch back, switch again, contract; return the state in the end."""
    expand, switch, contract = operations
    forwards(connection, expand, state)
    assert fill_hidden(connection) == "succeeded"
    switched = forwards(connection, switch, state)
    backwards(connection, switch, state, switched)
    forwards(connection, switch, state)
    forwards(connection, contract, switched)
    assert Transition.objects.using(connection.alias).get().phase == "contracted"
    return switched


def change_back(
    connection: BaseDatabaseWrapper,
    state: ProjectState,
    switched: ProjectState,
    operations: list[Operation],
) -> None:
    expand, switch, contract = operations
    backwards(connection, contract, switched, switched)
    backwards(connection, switch, state, switched)
    backwards(connection, expand, state, state)


def schema(connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    """Return the schema of the shop's tables, without the places of columns."""
    own = [table for table in connection.introspection.table_names() if "zero_downtime" in table]
    rows = read_schema(connection, own)
    shown = [row for row in rows if "zero_downtime" not in str(row[1])]
    return sorted(
        ((row[0], row[1], *row[3:]) if row[0] == "column" else row for row in shown), key=repr
    )


def test_a_partitioned_table(connection: BaseDatabaseWrapper) -> None:
    create_own_tables(connection)
    with connection.cursor() as cursor:
        cursor.execute(test_partitioned.TABLES)
    state = state_after(test_partitioned.START)
    for operation in (
        migrations.AddIndex("event", models.Index(fields=["size"], name="by_size")),
        migrations.AddConstraint(
            "event", models.UniqueConstraint(fields=["id", "size"], name="size_once")
        ),
        migrations.AddConstraint(
            "event", models.CheckConstraint(condition=Q(size__gte=0), name="size_is_set")
        ),
    ):
        state = forwards(connection, operation, state)
    before = test_partitioned.shape(connection)
    operations = steps("event", "size", models.BigIntegerField())

    switched = change_to_and_fro(connection, state, operations)

    assert test_partitioned.unfinished(connection) == []
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO shop_event (id, label, size) VALUES (1950, 'new', 2 ^ 40)")
        cursor.execute(
            "SELECT max(size), count(*), count(*) FILTER (WHERE size = id) FROM shop_event"
        )
        assert cursor.fetchall() == [(2**40, 1952, 1951)]
        cursor.execute("DELETE FROM shop_event WHERE id = 1950")
    change_back(connection, state, switched, operations)
    after = test_partitioned.shape(connection)
    assert [row for row in after if "size" not in row[1]] == [
        row for row in before if "size" not in row[1]
    ]
    assert len(after) == len(before)
    assert test_partitioned.unfinished(connection) == []


@pytest.mark.parametrize("kind", sorted(HOSTILE.keys() - {"percent signs"}))
def test_hostile_names(connection: BaseDatabaseWrapper, kind: str) -> None:
    name = HOSTILE[kind]
    create_own_tables(connection)
    table = f"t{name}"[:60]
    create = migrations.CreateModel(
        "Thing",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("size", models.PositiveIntegerField(db_column=name, unique=True)),
        ],
        options={
            "db_table": table,
            "indexes": [models.Index(fields=["-size"], name=f"i{name}"[:30])],
            "constraints": [models.CheckConstraint(condition=Q(size__lt=99), name=f"k{name}"[:60])],
        },
    )
    new = models.PositiveBigIntegerField(db_column=name, unique=True)
    state = forwards(connection, create, ProjectState())
    stock_after = forwards(connection, migrations.AlterField("thing", "size", new), state)
    stock = schema(connection)
    with connection.schema_editor() as editor:
        editor.delete_model(stock_after.apps.get_model("shop", "Thing"))
    state = forwards(connection, create, ProjectState())
    before = schema(connection)
    things = state.apps.get_model("shop", "Thing").objects
    things.bulk_create([things.model(size=size) for size in (1, 2, 3)])
    operations = steps("thing", "size", new)

    switched = change_to_and_fro(connection, state, operations)

    assert schema(connection) == stock
    change_back(connection, state, switched, operations)
    assert schema(connection) == before
    assert list(things.order_by("pk").values_list("size", flat=True)) == [1, 2, 3]


@pytest.mark.parametrize("table", ['"Other Tenant"."book"', 'tenant"."book'])
def test_a_table_in_another_schema(connection: BaseDatabaseWrapper, table: str) -> None:
    create_own_tables(connection)
    with connection.cursor() as cursor:
        cursor.execute('CREATE SCHEMA tenant; CREATE SCHEMA "Other Tenant"')
    create = migrations.CreateModel(
        "Book",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("pages", models.IntegerField(db_index=True)),
            ("sequel_of", models.ForeignKey("shop.book", models.CASCADE, null=True)),
        ],
        options={"db_table": table},
    )
    state = forwards(connection, create, ProjectState())
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE book (id bigint PRIMARY KEY, pages integer)")
    books = state.apps.get_model("shop", "Book").objects
    books.create(pages=7)
    operations = steps("book", "pages", models.BigIntegerField(db_index=True))
    switched = change_to_and_fro(connection, state, operations)
    books = switched.apps.get_model("shop", "Book").objects
    books.create(pages=2**40)
    assert list(books.order_by("pk").values_list("pages", flat=True)) == [7, 2**40]
