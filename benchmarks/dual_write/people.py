"""The table whose columns `name` and `full_name` are kept equal, or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pgtrigger
import psycopg
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ModelState

from tests.support.django_database import create_own_tables, django_connected_to
from tests.support.models import define_models
from zero_downtime.transitions import dual_write
from zero_downtime.transitions.pairs import ColumnPair

TABLE, OLD, NEW = "shop_person", "name", "full_name"

STATE = ModelState(
    "shop",
    "Person",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("age", models.IntegerField()),
        (OLD, models.CharField(max_length=100, null=True)),
        ("email", models.TextField()),
        ("address", models.TextField()),
        (NEW, models.CharField(max_length=100, null=True)),
    ],
)

# The rows of statements with parameters, and of INSERT ... SELECT and COPY.
COLUMNS = f"age, {OLD}, email, address"
VALUES = (
    "i % 90, 'Person Number ' || i, 'person.number.' || i || '@example.com', "
    "i || ' Long Street, ' || i % 1000 || ' Middletown'"
)

Install = Callable[[BaseDatabaseSchemaEditor, type[models.Model]], None]


def no_triggers(schema_editor: BaseDatabaseSchemaEditor, model: type[models.Model]) -> None:
    """Leave the second column empty."""


def ours(schema_editor: BaseDatabaseSchemaEditor, model: type[models.Model]) -> None:
    """Install what an expand installs."""
    pair = ColumnPair.of(schema_editor.connection, TABLE, OLD, NEW)
    dual_write.install(schema_editor, model, pair)


def with_usual_wrapper(schema_editor: BaseDatabaseSchemaEditor, model: Any) -> None:
    """Install a trigger that copies one side, as django-pgtrigger compiles it by itself."""
    trigger = pgtrigger.Trigger(
        name="copy",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=f"NEW.{NEW} := NEW.{OLD}; RETURN NEW;",
    )
    schema_editor.execute(trigger.compile(model).install_sql, params=None)


@dataclass(frozen=True)
class People:
    """The table with triggers as `install` makes them; the second column filled, or all NULL."""

    rows: int
    install: Install
    filled: bool = True

    def build(self, url: str) -> None:
        """Create the table, and ours, in an empty database."""
        (model,) = define_models(STATE)
        with django_connected_to(url) as connection:
            create_own_tables(connection)
            with connection.schema_editor() as schema_editor:
                schema_editor.create_model(model)
        with psycopg.connect(url, autocommit=True) as session:
            session.execute(
                f"INSERT INTO {TABLE} ({COLUMNS}) "
                f"SELECT {VALUES} FROM generate_series(1, {self.rows}) AS i"
            )
            if self.filled:
                session.execute(f"UPDATE {TABLE} SET {NEW} = {OLD}")
            session.execute(f"VACUUM (FULL, ANALYZE) {TABLE}")
        with django_connected_to(url) as connection, connection.schema_editor() as schema_editor:
            self.install(schema_editor, model)


def count_unequal(connection: BaseDatabaseWrapper | psycopg.Connection) -> int:
    """Return in how many rows the columns differ."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {TABLE} WHERE {OLD} IS DISTINCT FROM {NEW}")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
