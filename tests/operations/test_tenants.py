"""Tables in schemas of their own, and tenants whose tables and indexes bear the same names."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.models import Q
from django.db.models.functions import Random

from tests.operations.test_same_schema import backwards, forwards, state_after
from zero_downtime import operations as zd
from zero_downtime.postgres.shapes import read_shape

SMUGGLED = '"other"."book"'


def start(table: str = "book", owner: str = "owner") -> list[Operation]:
    return [
        migrations.CreateModel(
            "Owner",
            fields=[("id", models.BigAutoField(primary_key=True))],
            options={"db_table": owner},
        ),
        migrations.CreateModel(
            "Book",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.CharField(max_length=20)),
                ("pages", models.IntegerField(null=True)),
            ],
            options={"db_table": table},
        ),
    ]


def owner() -> Any:
    return models.ForeignKey("shop.owner", models.CASCADE, null=True, related_name="+")


# All of them, one after the other.
CHANGES: list[Operation] = [
    zd.AddFieldConcurrently("book", "owner", owner()),
    zd.AddFieldConcurrently("book", "note", models.CharField(default="", max_length=9)),
    zd.AddFieldConcurrently("book", "seen", models.FloatField(db_default=Random())),
    zd.AlterFieldConcurrently("book", "pages", models.IntegerField(default=1)),
    zd.AlterFieldConcurrently("book", "title", models.CharField(max_length=20, unique=True)),
    zd.AddIndexConcurrently("book", models.Index(fields=["pages"], name="by_pages")),
    zd.AddConstraintConcurrently(
        "book", models.CheckConstraint(condition=Q(pages__gt=0), name="has_pages")
    ),
    zd.AddConstraintConcurrently(
        "book", models.UniqueConstraint(fields=["title", "pages"], name="alike")
    ),
    zd.RemoveIndexConcurrently("book", "by_pages"),
]

TABLES = """
    CREATE TABLE {schema}.owner (id bigint PRIMARY KEY);
    CREATE TABLE {schema}.book (
        id bigint PRIMARY KEY, title varchar(20) NOT NULL, pages integer
    );
    INSERT INTO {schema}.book SELECT n, 'title ' || n, nullif(n, 2) FROM generate_series(1, 3) AS n;
"""


@pytest.fixture
def tenants(pg: psycopg.Connection) -> psycopg.Connection:
    """Another connection to two schemas with the same tables, beside an empty `public`."""
    for schema in ("other", "tenant"):
        pg.execute(f"CREATE SCHEMA {schema}".encode())
        pg.execute(TABLES.format(schema=schema).encode())
    return pg


def change_and_undo(connection: BaseDatabaseWrapper, table: str, owner: str) -> list[Any]:
    """Make all the changes; return the shapes of the table before, after, and after undoing."""
    state = state_after(start(table, owner))
    shapes = [read_shape(connection, table)]
    done = []
    for operation in CHANGES:
        done.append((operation, state))
        state = forwards(connection, operation, state)
    shapes.append(read_shape(connection, table))
    for operation, before in reversed(done):
        backwards(connection, operation, before, state)
        state = before
    return [*shapes, read_shape(connection, table)]


def everything(pg: psycopg.Connection, schema: str) -> list[Any]:
    """Return what there is in a schema: its relations with their identity, and its constraints."""
    return pg.execute(
        "SELECT oid, relname FROM pg_class WHERE relnamespace = %(schema)s::regnamespace "
        "UNION SELECT oid, conname FROM pg_constraint "
        "WHERE connamespace = %(schema)s::regnamespace ORDER BY oid",
        {"schema": schema},
    ).fetchall()


def assert_changed_and_undone(shapes: list[Any]) -> None:
    before, changed, undone = shapes
    assert set(changed.columns) == {"id", "title", "pages", "owner_id", "note", "seen"}
    assert changed.columns["pages"].not_null
    assert {"has_pages", "alike"} <= set(changed.constraints)
    assert [each.target.table for each in changed.constraints.values() if each.target] == ["owner"]
    assert all(constraint.validated for constraint in changed.constraints.values())
    assert all(index.valid for index in changed.indexes.values())
    assert undone == before


def test_a_table_in_a_schema_off_the_search_path(
    connection: BaseDatabaseWrapper, tenants: psycopg.Connection
) -> None:
    others = everything(tenants, "tenant")
    shapes = change_and_undo(connection, SMUGGLED, '"other"."owner"')
    assert_changed_and_undone(shapes)
    assert everything(tenants, "tenant") == others
    assert everything(tenants, "public") == []


@pytest.mark.parametrize("path", ["tenant", "tenant, other", "other, tenant", "public, tenant"])
def test_the_first_table_along_the_search_path(
    connection: BaseDatabaseWrapper, tenants: psycopg.Connection, path: str
) -> None:
    mine = "other" if path.startswith("other") else "tenant"
    theirs = {"other": "tenant", "tenant": "other"}[mine]
    # Whatever is to be made for one tenant is there already for the other one.
    tenants.execute(f"CREATE INDEX by_pages ON {theirs}.book (pages)".encode())
    tenants.execute(f"ALTER TABLE {theirs}.book ADD CONSTRAINT has_pages CHECK (true)".encode())
    others = everything(tenants, theirs)
    with connection.cursor() as cursor:
        cursor.execute(f"SET search_path TO {path}")
    shapes = change_and_undo(connection, "book", "owner")
    assert_changed_and_undone(shapes)
    assert everything(tenants, theirs) == others
    assert everything(tenants, "public") == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path')")
        assert cursor.fetchone() == (path,)
