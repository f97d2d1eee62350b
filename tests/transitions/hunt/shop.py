"""A table whose column `name` is being renamed to `full_name`, with the backfill for that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.state import ModelState

from tests.support.databases import temporary_database
from tests.support.django_database import create_own_tables, django_connected_to
from tests.support.models import define_models
from tests.transitions.hunt.expected import Value
from zero_downtime.backfills import registry
from zero_downtime.models import Backfill
from zero_downtime.transitions import rename_field
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.rename_field import FieldRename

NAME = "shop.0003_backfill"
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


@dataclass
class Shop:
    """The expanded shop; `connection` is Django's, `observer` sees what is committed."""

    url: str
    connection: BaseDatabaseWrapper
    observer: psycopg.Connection
    rename: FieldRename

    def start_over(self, rows: int) -> tuple[Backfill, dict[int, Value]]:
        """Let there be that many rows from before the expand, and a backfill that begins."""
        committed: dict[int, Value] = {key: f"before {key}" for key in range(1, rows + 1)}
        self.observer.execute("TRUNCATE shop_user, zero_downtime_backfill CASCADE")
        self.observer.execute(
            "SELECT setval(oid::regclass, 1, false) FROM pg_class "
            "WHERE relkind = 'S' AND relname LIKE 'zero_downtime_%_filled'"
        )
        with self.observer.transaction():
            self.observer.execute("SET LOCAL session_replication_role = replica")  # no triggers
            self.observer.cursor().executemany(
                f"INSERT INTO shop_user (id, {self.rename.original}) VALUES (%s, %s)".encode(),
                list(committed.items()),
            )
        backfill = registry.register(self.connection, NAME, "shop_user")
        return backfill, committed

    def rows(self) -> dict[int, tuple[Value, Value]]:
        """Return the original and its mirror in all rows, by key."""
        columns = f"id, {self.rename.original}, {self.rename.mirror}"
        rows = self.observer.execute(f"SELECT {columns} FROM shop_user".encode()).fetchall()
        return {key: (original, mirror) for key, original, mirror in rows}

    @property
    def mirror(self) -> str:
        """The side that waits for the backfill."""
        return "old" if self.rename.mirrors_new else "new"

    @property
    def is_filled(self) -> bool:
        """Whether the backfill has come to its end."""
        statuses = self.observer.execute("SELECT status FROM zero_downtime_backfill").fetchall()
        return statuses == [(Backfill.Status.SUCCEEDED,)]

    @property
    def is_nullable(self) -> bool:
        """Whether the field can be NULL."""
        return self.rename.pair(self.connection).nullable


@contextmanager
def expanded_shop(server_url: str, table: str) -> Iterator[Shop]:
    """Create such a shop in a database of its own."""
    with (
        temporary_database(server_url) as url,
        django_connected_to(url) as connection,
        psycopg.connect(url, autocommit=True) as observer,
    ):
        observer.execute("SELECT set_config('deadlock_timeout', '10ms', false)")
        (database,) = observer.execute("SELECT quote_ident(current_database())").fetchone() or ()
        observer.execute(f"ALTER DATABASE {database} SET deadlock_timeout = '10ms'".encode())
        observer.execute(TABLES[table].encode())
        observer.execute(TRIM)
        create_own_tables(connection)
        (model,) = define_models(USER)
        rename = FieldRename(KEY, model, "name", "full_name")
        with connection.schema_editor(atomic=False) as editor:
            rename_field.expand(editor, rename)
            if table == CONTRACT_TAKEN_BACK:
                rename_field.contract(editor, rename)
                rename_field.revert_contract(editor, rename, fill=lambda copy: None)
                rename = replace(rename, mirrors_new=True)
        yield Shop(url, connection, observer, rename)
