"""What operations are translated to is what Django's schema editor sends to a server."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Q
from django.db.models.functions import Lower, Now

from tests.lint.judging import SHOP, migration
from zero_downtime.lint.walk import walk
from zero_downtime.postgres.parsing import parse
from zero_downtime.postgres.statements import Brief, Opaque, ReadRows, Statement

Told = tuple[str, str, dict[str, Any]]
"""What kind of statement it is, the table, and some details."""

DETAILS: dict[str, tuple[str, ...]] = {
    "AddColumn": (
        ("column", "type", "not_null", "default", "check", "references", "unique", "rewrites")
    ),
    "AddCheck": ("valid",),
    "AddForeignKey": ("target", "valid"),
    "AddUnique": ("columns",),
    "AlterColumnType": ("column", "after", "cast"),
    "CreateIndex": ("unique", "concurrently"),
    "DropColumn": ("column",),
    "DropDefault": (),
    "RenameColumn": ("column", "new_name"),
    "RenameTable": ("new_name",),
    "SetNotNull": ("column",),
    "DropNotNull": ("column",),
    "WriteRows": ("verb",),
}


def key(to: str = "shop.Customer", **options: Any) -> models.Field[Any, Any]:
    return models.ForeignKey(to, models.CASCADE, **options)


def add(field: models.Field[Any, Any], **options: Any) -> Operation:
    return migrations.AddField("order", "extra", field, **options)


def alter(
    name: str, field: models.Field[Any, Any], model: str = "order", **options: Any
) -> Operation:
    return migrations.AlterField(model, name, field, **options)


def constrain(constraint: models.BaseConstraint) -> Operation:
    return migrations.AddConstraint("order", constraint)


CHECK = models.CheckConstraint(condition=Q(number__gt=0), name="positive")
UNIQUE = models.UniqueConstraint(fields=["number"], name="number_uniq")
PARTIAL = models.UniqueConstraint(fields=["number"], condition=Q(note=None), name="partial")
INDEX = models.Index(fields=["number"], name="number_idx")
KEY = ("id", models.BigAutoField(primary_key=True))
BOOK = [KEY, ("order", key("shop.Order")), ("tags", models.ManyToManyField("shop.Tag"))]

CASES: dict[str, list[Operation]] = {
    "add null": [add(models.IntegerField(null=True))],
    "add default": [add(models.IntegerField(default=1))],
    "add default once": [add(models.IntegerField(default=1), preserve_default=False)],
    "add db_default": [add(models.IntegerField(db_default=1))],
    "add now": [add(models.DateTimeField(db_default=Now()))],
    "add blank": [add(models.TextField(blank=True))],
    "add volatile": [add(models.UUIDField(db_default=RandomUUID()))],
    "add index": [add(models.IntegerField(null=True, db_index=True))],
    "add slug": [add(models.SlugField(null=True))],
    "add unique text": [add(models.CharField(max_length=9, null=True, unique=True))],
    "add positive": [add(models.PositiveIntegerField(null=True))],
    "add key": [add(key(null=True))],
    "add key with default": [add(key(default=1))],
    "add key without constraint": [add(key(null=True, db_constraint=False))],
    "add many-to-many": [add(models.ManyToManyField("shop.Customer"))],
    "remove": [migrations.RemoveField("order", "note")],
    "remove key": [migrations.RemoveField("order", "customer")],
    "remove many-to-many": [migrations.RemoveField("order", "tags")],
    "rename": [migrations.RenameField("order", "note", "remark")],
    "rename key": [migrations.RenameField("order", "customer", "buyer")],
    "rename many-to-many": [migrations.RenameField("order", "tags", "labels")],
    "rename keeps column": [migrations.RenameField("customer", "email", "address")],
    "alter type": [alter("number", models.BigIntegerField())],
    "alter length": [alter("status", models.CharField(max_length=20))],
    "alter to text": [alter("status", models.TextField())],
    "alter to array": [alter("note", ArrayField(models.TextField(), null=True))],
    "alter to positive": [alter("number", models.PositiveIntegerField())],
    "alter from positive": [
        alter("number", models.PositiveIntegerField()),
        alter("number", models.IntegerField()),
    ],
    "alter null": [alter("number", models.IntegerField(null=True))],
    "alter not null": [alter("note", models.TextField())],
    "alter not null default": [alter("note", models.TextField(default=""))],
    "alter not null once": [alter("note", models.TextField(default=""), preserve_default=False)],
    "alter not null db_default": [alter("note", models.TextField(db_default=""))],
    "alter db_default": [alter("number", models.IntegerField(db_default=1))],
    "alter no db_default": [
        alter("number", models.IntegerField(db_default=1)),
        alter("number", models.IntegerField()),
    ],
    "alter default in python": [alter("number", models.IntegerField(default=1))],
    "alter choices": [alter("number", models.IntegerField(choices=[(1, "one")]))],
    "alter index": [alter("status", models.CharField(max_length=10, db_index=True))],
    "alter no index": [
        alter("status", models.CharField(max_length=10, db_index=True)),
        alter("status", models.CharField(max_length=10)),
    ],
    "alter indexed to text": [
        alter("status", models.CharField(max_length=10, db_index=True)),
        alter("status", models.TextField(db_index=True)),
    ],
    "alter unique": [alter("status", models.CharField(max_length=10, unique=True))],
    "alter not unique": [alter("email", models.EmailField(db_column="mail"), "customer")],
    "alter index to unique": [
        alter("number", models.IntegerField(db_index=True)),
        alter("number", models.IntegerField(unique=True)),
    ],
    "alter comment": [alter("number", models.IntegerField(db_comment="its number"))],
    "alter column": [alter("number", models.IntegerField(db_column="no"))],
    "alter collation": [alter("note", models.TextField(null=True, db_collation="C"))],
    "alter key null": [alter("customer", key(null=True))],
    "alter key to one-to-one": [
        alter("customer", models.OneToOneField("shop.Customer", models.CASCADE))
    ],
    "alter key without constraint": [alter("customer", key(db_constraint=False))],
    "alter key without index": [alter("customer", key(db_index=False))],
    "alter key to another model": [alter("customer", key("shop.Tag"))],
    "alter key to number": [alter("customer", models.BigIntegerField(db_column="customer_id"))],
    "alter number to key": [alter("number", key(db_column="number"))],
    "alter primary key": [alter("id", models.IntegerField(primary_key=True), "basket")],
    "alter referenced primary key": [
        alter("id", models.IntegerField(primary_key=True), "customer")
    ],
    "alter primary key no identity": [
        alter("id", models.BigIntegerField(primary_key=True), "basket")
    ],
    "alter many-to-many": [alter("tags", models.ManyToManyField("shop.Customer"))],
    "create": [migrations.CreateModel("Book", BOOK)],
    "create with more": [
        migrations.CreateModel(
            "Book",
            [KEY, ("slug", models.SlugField()), ("number", models.PositiveIntegerField())],
            options={"constraints": [CHECK], "indexes": [INDEX]},
        )
    ],
    "create proxy": [migrations.CreateModel("Fast", [], {"proxy": True}, bases=("shop.Order",))],
    "create unmanaged": [migrations.CreateModel("Book", [KEY], {"managed": False})],
    "delete": [migrations.DeleteModel("Order")],
    "rename model": [migrations.RenameModel("Basket", "Cart")],
    "rename referring model": [migrations.RenameModel("Order", "Deal")],
    "rename referenced model": [migrations.RenameModel("Customer", "Client")],
    "rename related model": [migrations.RenameModel("Tag", "Label")],
    "alter table": [migrations.AlterModelTable("order", "orders")],
    "alter table to the same": [migrations.AlterModelTable("order", "shop_order")],
    "alter options": [migrations.AlterModelOptions("order", {"ordering": ["number"]})],
    "alter order": [migrations.AlterOrderWithRespectTo("order", "customer")],
    "alter no order": [
        migrations.AlterOrderWithRespectTo("order", "customer"),
        migrations.AlterOrderWithRespectTo("order", None),
    ],
    "unique together": [migrations.AlterUniqueTogether("order", {("number", "status")})],
    "other unique together": [
        migrations.AlterUniqueTogether("order", {("number", "status")}),
        migrations.AlterUniqueTogether("order", {("number", "note")}),
    ],
    "index": [migrations.AddIndex("order", INDEX)],
    "index of expression": [
        migrations.AddIndex("order", models.Index(Lower("status"), name="lower_idx"))
    ],
    "remove index": [
        migrations.AddIndex("order", INDEX),
        migrations.RemoveIndex("order", "number_idx"),
    ],
    "rename index": [
        migrations.AddIndex("order", INDEX),
        migrations.RenameIndex("order", "no_idx", old_name="number_idx"),
    ],
    "check": [constrain(CHECK)],
    "check not valid": [AddConstraintNotValid("order", CHECK)],
    "remove check": [constrain(CHECK), migrations.RemoveConstraint("order", "positive")],
    "unique": [constrain(UNIQUE)],
    "remove unique": [constrain(UNIQUE), migrations.RemoveConstraint("order", "number_uniq")],
    "partial unique": [constrain(PARTIAL)],
    "remove partial unique": [constrain(PARTIAL), migrations.RemoveConstraint("order", "partial")],
}


@pytest.mark.parametrize("operations", CASES.values(), ids=CASES)
def test_the_statements_are_those_that_django_sends(
    connection: BaseDatabaseWrapper, operations: list[Operation]
) -> None:
    initial, change = migration("0001_initial", *SHOP), migration("0002_change", *operations)
    state = ProjectState()
    state = sent_by(connection, initial, state)[0]

    _, sent = sent_by(connection, change, state)

    assert of_interest(translated(initial, change)) == of_interest(sent)


def of_interest(statements: list[Told]) -> list[Told]:
    """Leave out what makes an index or a constraint of a table that is new, and locks nobody."""
    new = {table for kind, table, _ in statements if kind == "CreateTable"}
    return [
        (kind, table, details)
        for kind, table, details in statements
        if table not in new or kind in ("CreateTable", "AddForeignKey")
    ]


def sent_by(
    connection: BaseDatabaseWrapper, change: Migration, state: ProjectState
) -> tuple[ProjectState, list[Told]]:
    """Run the migration; return the state after it and what Django has sent."""
    sent: list[Told] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        for parsed in parse(str(sql), has_params=params is not None):
            sent.extend(filter(None, map(told, parsed.statements)))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen), connection.schema_editor(atomic=True) as editor:
        state = change.apply(state, editor)
    return state, sent


def translated(initial: Migration, change: Migration) -> list[Told]:
    steps = list(walk([initial, change], ProjectState(), judged=[change], together=False))
    effects = steps[-1].surroundings.effects if steps else []
    return [each for effect in effects if (each := told(effect.statement))]


NAMES = {"SET DEFAULT": "SetDefault", "DROP DEFAULT": "DropDefault"}


def told(statement: Statement) -> Told | None:
    """Tell what can be compared; None if it is nothing that the translation is about."""
    kind = type(statement).__name__
    if isinstance(statement, Brief):
        kind = NAMES.get(statement.what, "")
    if not kind or isinstance(statement, ReadRows | Opaque):  # it asks for names of constraints
        return None
    # An index is dropped by its name: the statement does not say of which table.
    table = "" if kind == "DropIndex" else statement.table
    return kind, table, {name: getattr(statement, name) for name in DETAILS.get(kind, ())}
