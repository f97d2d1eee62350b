"""The shop whose column `name` is being renamed to `full_name`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import psycopg
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ModelState

from tests.support.models import define_models
from tests.transitions.hunt.expected import Value
from tests.transitions.hunt.shop import Shop
from tests.transitions.hunt.statements import Sides
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Backfill
from zero_downtime.transitions import rename_field
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.rename_field import FieldRename

KEY = TransitionKey(rename_field.KIND, "shop", "user", "name", "full_name")
USER = ModelState(
    "shop",
    "User",
    [
        ("id", models.BigAutoField(primary_key=True)),
        ("full_name", models.TextField(null=True)),
        ("age", models.IntegerField(default=0)),
    ],
)

TABLE = "CREATE TABLE shop_user (id bigint PRIMARY KEY, name text, age int DEFAULT 0)"
CONTRACT_TAKEN_BACK = "contract taken back"
# How the table may be made. All of them end in the same columns.
TABLES = {
    "plain": TABLE,
    CONTRACT_TAKEN_BACK: TABLE,
    "not null": """
        CREATE TABLE shop_user (id bigint PRIMARY KEY, name text NOT NULL, age int DEFAULT 0)
    """,
    "partitioned": """
        CREATE TABLE shop_user (id bigint PRIMARY KEY, name text, age int DEFAULT 0)
            PARTITION BY RANGE (id);
        CREATE TABLE shop_user_low PARTITION OF shop_user FOR VALUES FROM (MINVALUE) TO (4);
        CREATE TABLE shop_user_high PARTITION OF shop_user FOR VALUES FROM (4) TO (MAXVALUE);
    """,
}
# The shop has a trigger of its own, of which a dual write must not take the value before.
TRIM = """
    CREATE FUNCTION trim_name() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.name := rtrim(NEW.name); RETURN NEW; END $$;
    CREATE TRIGGER pgtrigger_trim_name BEFORE INSERT OR UPDATE ON shop_user
        FOR EACH ROW EXECUTE FUNCTION trim_name();
"""


class RenameShop(Shop):
    """Old code writes one column, new code the other one, and some know both."""

    has_steps = False
    columns = ("name", "full_name")

    def __init__(
        self, table: str, url: str, connection: BaseDatabaseWrapper, observer: psycopg.Connection
    ) -> None:
        super().__init__(url, connection, observer)
        observer.execute(TABLES[table].encode())
        observer.execute(TRIM)
        (model,) = define_models(USER)
        self.rename = FieldRename(KEY, model, "name", "full_name")
        with connection.schema_editor(atomic=False) as editor:
            rename_field.expand(editor, self.rename)
            if table == CONTRACT_TAKEN_BACK:
                rename_field.contract(editor, self.rename)
                rename_field.revert_contract(editor, self.rename, fill=lambda copy: None)
                self.rename = replace(self.rename, mirrors_new=True)
        self.mirror = "old" if self.rename.mirrors_new else "new"
        self.is_nullable = self.rename.pair(connection).nullable

    def start_over(self, rows: int) -> tuple[Backfill, dict[int, Value]]:
        committed: dict[int, Value] = {key: f"before {key}" for key in range(1, rows + 1)}
        self.observer.execute("TRUNCATE shop_user, zero_downtime_backfill CASCADE")
        self.observer.execute(
            "SELECT setval(oid::regclass, 1, false) FROM pg_class "
            "WHERE relkind = 'S' AND relname LIKE 'zero_downtime_%_filled'"
        )
        self.insert(committed, self.rename.original)
        return self.register_backfill(), committed

    def value(self, side: str, number: int) -> str:
        # The shop's trigger makes something else of every other value of old code.
        return f"{side} {number}{' ' * (number % 2 if side == 'old' else 0)}"

    def sides(self, values: Mapping[str, Value]) -> Sides:
        return Sides(**values)

    def rows(self) -> dict[int, tuple[Value, Value]]:
        columns = f"id, {self.rename.original}, {self.rename.mirror}"
        rows = self.ask(f"SELECT {columns} FROM shop_user")
        return {key: (original, mirror) for key, original, mirror in rows}

    def work(self, connection: BaseDatabaseWrapper) -> CopyColumn:
        return self.rename.copy()
