"""Names with spaces, percent signs, quotes, capitals, reserved words, and more than 63 bytes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Q

from tests.operations.test_same_schema import backwards, forwards
from tests.support.django_database import create_own_tables
from tests.support.schema import read_schema
from zero_downtime import operations as zd
from zero_downtime.backfills.runner import Runner
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill
from zero_downtime.transitions import phases
from zero_downtime.transitions.rename_field import FillMirror

HOSTILE = {
    "spaces and capitals": "Some Name",
    "a reserved word": "select",
    "percent signs": "100 % of %s",
    "a single quote": "it's",
    "unicode": "Größe in 名前",
    "63 bytes": "n" * 63,
    "backslash and braces": "a\\b {c}",
}


def table_and_columns(name: str) -> list[Operation]:
    return [
        migrations.CreateModel(
            "Owner",
            fields=[("id", models.BigAutoField(primary_key=True, db_column=name))],
            options={"db_table": f"o{name}"[:60]},
        ),
        migrations.CreateModel(
            "Thing",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("label", models.CharField(max_length=20, null=True, db_column=name)),
                ("size", models.IntegerField(default=0)),
            ],
            options={"db_table": f"t{name}"[:60]},
        ),
    ]


def changes(name: str, stock: bool) -> list[Operation]:
    """The changes of one model, one after the other."""
    other = f"c{name}"[:60]
    add_field: Any = migrations.AddField if stock else zd.AddFieldConcurrently
    alter_field: Any = migrations.AlterField if stock else zd.AlterFieldConcurrently
    add_constraint: Any = migrations.AddConstraint if stock else zd.AddConstraintConcurrently
    add_index: Any = migrations.AddIndex if stock else zd.AddIndexConcurrently
    owner = models.ForeignKey("shop.owner", models.CASCADE, null=True, db_column=f"f{name}"[:60])
    return [
        add_index("thing", models.Index(fields=["label"], name=f"i{name}"[:30])),
        add_field("thing", "other", models.CharField(max_length=9, null=True, db_column=other)),
        add_field("thing", "owner", owner),
        add_constraint(
            "thing", models.CheckConstraint(condition=~Q(label=name[:20]), name=f"k{name}"[:60])
        ),
        add_constraint(
            "thing", models.UniqueConstraint(fields=["label", "size"], name=f"u{name}"[:60])
        ),
        alter_field("thing", "other", models.CharField(max_length=9, unique=True, db_column=other)),
        alter_field("thing", "label", models.CharField(max_length=40, null=True, db_column=name)),
    ]


def schemas_on_the_way(
    connection: BaseDatabaseWrapper, name: str, *, stock: bool
) -> list[list[tuple[Any, ...]]]:
    """Return the schema after each change, and after each was undone."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    state = ProjectState()
    for operation in table_and_columns(name):
        state = forwards(connection, operation, state)
    found = []
    way = []
    for operation in changes(name, stock):
        after = forwards(connection, operation, state)
        way.append((operation, state, after))
        state = after
        found.append(read_schema(connection))
    for operation, before, after in reversed(way):
        backwards(connection, operation, before, after)
        found.append(read_schema(connection))
    return found


# Django itself takes a percent sign in a column's name for a placeholder, wherever it alters or
# removes a field or adds a constraint.
@pytest.mark.parametrize("kind", sorted(HOSTILE.keys() - {"percent signs"}))
def test_the_same_schema_as_django_all_the_way(connection: BaseDatabaseWrapper, kind: str) -> None:
    name = HOSTILE[kind]
    stock = schemas_on_the_way(connection, name, stock=True)
    ours = schemas_on_the_way(connection, name, stock=False)
    assert ours == stock


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_rename_between_hostile_columns(connection: BaseDatabaseWrapper, kind: str) -> None:
    create_own_tables(connection)
    name = HOSTILE[kind]
    table = f"t{name}"[:60]
    old, new = (f"{letter}{name}"[:60] for letter in "on")
    state = ProjectState()
    create = migrations.CreateModel(
        "Thing",
        fields=[("id", models.BigAutoField(primary_key=True)), (old, models.TextField())],
        options={"db_table": table, "indexes": [models.Index(fields=[old], name="by_label")]},
    )
    state = forwards(connection, create, state)
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(table)} ({quote(old)}) VALUES ('first'), ('second')")
    expand = zd.ExpandRenameField("thing", old, new)
    contract = zd.ContractRenameField("thing", old, new)

    state = forwards(connection, expand, state)
    transition = phases.find(connection, expand.transition_key("shop"))
    assert transition is not None
    backfill = Backfill.objects.create(name="shop.fill", table=table, transition=transition)
    Runner(connection, backfill, FillMirror(table, old, new)).run()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(table)} ({quote(new)}) VALUES ('third')")
        cursor.execute(f"SELECT {quote(old)} FROM {quote(table)} ORDER BY id")
        assert cursor.fetchall() == [("first",), ("second",), ("third",)]
    forwards(connection, contract, state)

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {quote(new)} FROM {quote(table)} ORDER BY id")
        assert cursor.fetchall() == [("first",), ("second",), ("third",)]
    assert [row for row in read_schema(connection) if row[0] in ("trigger", "function")] == []


def test_two_names_that_postgresql_would_truncate_to_one(connection: BaseDatabaseWrapper) -> None:
    state = ProjectState()
    for operation in table_and_columns("plain"):
        state = forwards(connection, operation, state)
    first, second = (
        zd.AddConstraintConcurrently(
            "thing", models.UniqueConstraint(fields=fields, name=f"{'ü' * 35}{ending}")
        )
        for fields, ending in [(["size", "label"], "one"), (["size"], "two")]
    )
    state = forwards(connection, first, state)
    before = read_schema(connection)
    with pytest.raises(Refused, match="already exists"):
        forwards(connection, second, state)
    assert read_schema(connection) == before
