"""The shop whose column `name` is being removed, and archived."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import psycopg
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ModelState

from tests.support.models import define_models
from tests.transitions.hunt.expected import Value
from tests.transitions.hunt.shop import Shop
from tests.transitions.hunt.statements import Sides
from zero_downtime.transitions import remove_field
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.remove_field import FieldRemoval

KEY = TransitionKey(remove_field.KIND, "shop", "user", "name", "")
USER = ModelState(
    "shop",
    "User",
    [("id", models.BigAutoField(primary_key=True)), ("name", models.TextField(null=True))],
)


class RemovalShop(Shop):
    """Old code writes the column until the contract takes it away; new code does not know it."""

    leaves_evidence = True
    # Values are archived by the key.
    unfit = frozenset({"change_key"})
    may_happen = (*Shop.may_happen, psycopg.errors.UndefinedColumn)

    def __init__(
        self, url: str, connection: BaseDatabaseWrapper, observer: psycopg.Connection
    ) -> None:
        super().__init__(url, connection, observer)
        (model,) = define_models(USER)
        self.removal = FieldRemoval(KEY, model, "name", archive=True)

    def start_over(self, rows: int) -> tuple[None, dict[int, Value]]:
        committed: dict[int, Value] = {key: f"before {key}" for key in range(1, rows + 1)}
        self.observer.execute(
            "TRUNCATE zero_downtime_transition CASCADE; "
            "DROP TABLE IF EXISTS shop_user, shop_user_name_archive; "
            "CREATE TABLE shop_user (id bigint PRIMARY KEY, name text, age int DEFAULT 0)"
        )
        self.insert(committed)
        with self.connection.schema_editor(atomic=False) as editor:
            remove_field.expand(editor, self.removal)
        self.let_time_pass()
        return None, committed

    @property
    def columns(self) -> Sequence[str]:
        return [] if self._is_dropped else ["name"]

    def value(self, side: str, number: int) -> str:
        return f"{side} {number}"

    def sides(self, values: Mapping[str, Value]) -> Sides:
        return Sides(old=values["old"]) if "old" in values else Sides()

    def rows(self) -> dict[int, tuple[Value, Value]]:
        table = "shop_user_name_archive" if self._is_dropped else "shop_user"
        rows = self.ask(f"SELECT id, kept.name FROM shop_user LEFT JOIN {table} AS kept USING (id)")
        return {key: (name, name) for key, name in rows}

    def assert_right(self, committed: dict[int, Value], *, is_filled: bool) -> None:
        """What the archive has of a row that has been deleted is nobody's business."""
        rows = self.rows()
        assert rows.keys() == committed.keys()
        written = {key: value for key, value in committed.items() if value is not None}
        assert {key: rows[key][0] for key in written} == written

    def verify(self, *, is_filled: bool) -> None:
        """There is nothing to compare."""

    def migrate(self, editor: BaseDatabaseSchemaEditor) -> None:
        remove_field.contract(editor, self.removal, drop=lambda: None)

    def let_time_pass(self) -> None:
        self.ask(
            "SELECT setval(oid::regclass, pg_sequence_last_value(oid) - 60) FROM pg_class "
            "WHERE relkind = 'S' AND relname LIKE 'zero_downtime_%_old_write' "
            "AND pg_sequence_last_value(oid) IS NOT NULL"
        )

    def finish(self, committed: dict[int, Value], is_refused: Callable[[], bool]) -> None:
        self.let_time_pass()
        assert not is_refused()
        self.assert_right(committed, is_filled=True)
        with self.connection.schema_editor(atomic=False) as editor:
            remove_field.revert_contract(editor, self.removal, bring_back=self._bring_back)
        self.assert_right(committed, is_filled=True)

    def _bring_back(self) -> None:
        self.observer.execute("ALTER TABLE shop_user ADD COLUMN name text")

    @property
    def _is_dropped(self) -> bool:
        return not self.ask(
            "SELECT FROM pg_attribute WHERE attrelid = 'shop_user'::regclass AND attname = 'name'"
        )
