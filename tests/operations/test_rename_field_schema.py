"""The two halves of a rename end in the very schema in which `RenameField` ends, and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ProjectState
from django.db.models import F, Q
from django.db.models.functions import Lower

from tests.operations.test_same_schema import backwards, forwards
from tests.support.alterations import fill_hidden
from tests.support.books import create_books, to_author, values_of
from tests.support.schema import read_schema
from zero_downtime import operations as zd

Char, Int = models.CharField, models.IntegerField
RENAME = ("book", "value", "renamed")


@dataclass(frozen=True)
class Case:
    """One kind of field to be renamed, `Book.value`, in a table with two rows."""

    id: str
    field: Any
    values: tuple[Any, Any] = ("a", "b")
    options: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case("plain", Char(max_length=9)),
    Case("null", Char(max_length=9, null=True), ("a", None)),
    Case("unique", Char(max_length=9, unique=True)),
    Case("indexed", Char(max_length=9, db_index=True)),
    Case("indexed text", models.TextField(db_index=True)),
    Case("slug", models.SlugField(unique=True)),
    Case("number", Int(), (1, 2)),
    Case("positive", models.PositiveIntegerField(db_index=True), (1, 2)),
    Case("decimal", models.DecimalField(max_digits=8, decimal_places=2), ("1.25", "-3")),
    Case("json", models.JSONField(), ('{"a": 1}', "[]")),
    Case("uuid", models.UUIDField(unique=True), ("0" * 32, "1" * 32)),
    Case("array-like text with collation", Char(max_length=9, db_collation="C")),
    Case("comment", Char(max_length=9, db_comment="it's one")),
    Case("default of the database", Int(db_default=5), (1, 2)),
    Case("default and index", Char(max_length=9, db_default="x", db_index=True)),
    Case("foreign key", to_author(), (1, 2)),
    Case("foreign key null", to_author(null=True), (1, None)),
    Case("foreign key without index", to_author(db_index=False), (1, 2)),
    Case("foreign key to a unique field", to_author(to_field="code"), (1, 2)),
    Case("foreign key without constraint", to_author(db_constraint=False), (1, 7)),
    Case("one to one", to_author(models.OneToOneField), (1, 2)),
    Case("one to one null", to_author(models.OneToOneField, null=True), (1, None)),
    Case("to itself", models.ForeignKey("self", models.CASCADE, null=True), (None, None)),
    Case(
        "in indexes of Meta",
        Int(),
        (1, 2),
        {
            "indexes": [
                models.Index(fields=["value", "-number"], name="by_value"),
                models.Index(fields=["number"], name="few", condition=Q(value__gt=5)),
                models.Index(F("value") * 2, name="twice"),
                models.Index(fields=["number"], name="covering", include=["value"]),
            ]
        },
    ),
    Case(
        "in constraints of Meta",
        Int(),
        (1, 2),
        {
            "constraints": [
                models.CheckConstraint(condition=Q(value__gt=0), name="positive"),
                models.UniqueConstraint(fields=["value", "number"], name="once"),
                models.UniqueConstraint(
                    fields=["value"], condition=Q(number__gt=5), name="once_of_few"
                ),
                models.UniqueConstraint(
                    fields=["value"], name="later", deferrable=models.Deferrable.DEFERRED
                ),
            ]
        },
    ),
    Case(
        "unique whatever the case",
        Char(max_length=9),
        options={"constraints": [models.UniqueConstraint(Lower("value"), name="lower_once")]},
    ),
    Case("together", Int(), (1, 2), {"unique_together": {("value", "number")}}),
]


def create(connection: BaseDatabaseWrapper, case: Case) -> ProjectState:
    return create_books(connection, case.field, case.values, case.options)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_there_and_back(connection: BaseDatabaseWrapper, case: Case) -> None:
    state = create(connection, case)
    before, old_values = read_schema(connection), values_of(connection, state, "value")
    forwards(connection, migrations.RenameField(*RENAME), state)
    stock = read_schema(connection)

    state = create(connection, case)
    expand, contract = zd.ExpandRenameField(*RENAME), zd.ContractRenameField(*RENAME)
    expanded = forwards(connection, expand, state)
    assert fill_hidden(connection) == "succeeded"
    contracted = forwards(connection, contract, expanded)
    assert read_schema(connection) == stock
    assert values_of(connection, contracted, "renamed") == old_values

    backwards(connection, contract, expanded, contracted)
    backwards(connection, expand, state, expanded)
    assert read_schema(connection) == before
    assert values_of(connection, state, "value") == old_values
