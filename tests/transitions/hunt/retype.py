"""The shop whose column `name` changes its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import psycopg
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ModelState

from tests.support.models import define_models
from tests.transitions.hunt.expected import Value
from tests.transitions.hunt.shop import Shop
from tests.transitions.hunt.statements import Sides
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Backfill, Transition
from zero_downtime.postgres.replacements import Replacement, hidden_name
from zero_downtime.postgres.shapes import ColumnShape
from zero_downtime.transitions import alter_field, retyping
from zero_downtime.transitions.conversions import plain_cast
from zero_downtime.transitions.families import Family
from zero_downtime.transitions.filling import filling
from zero_downtime.transitions.phases import TransitionKey
from zero_downtime.transitions.retyping import ColumnType, FieldAlteration, Phase, Retyping

USER = ModelState("shop", "User", [("id", models.BigAutoField(primary_key=True))])
KEY = TransitionKey(retyping.KIND, "shop", "user", "name", "name")
HIDDEN = hidden_name("name")
# Old and new type, and what is put before digits for a value that only the one of them can hold.
TYPES = {
    "text to number": ("character varying(40)", "integer", "x"),
    "number to bigger": ("integer", "bigint", "777777"),
}


class RetypeShop(Shop):
    """Everybody writes the visible column; the switch comes and goes while they do."""

    # They would have to know the type.
    unfit = frozenset({"update_from", "append"})
    may_happen = (*Shop.may_happen, psycopg.DataError)

    def __init__(
        self, types: str, url: str, connection: BaseDatabaseWrapper, observer: psycopg.Connection
    ) -> None:
        super().__init__(url, connection, observer)
        self.old, self.new, self.odd = TYPES[types]
        self.family = Family((FieldAlteration(KEY, define_models(USER)[0], "name"),))

    def start_over(self, rows: int) -> tuple[Backfill, dict[int, Value]]:
        committed: dict[int, Value] = {key: f"{key}0" for key in range(1, rows + 1)}
        self.observer.execute(
            "TRUNCATE zero_downtime_transition, zero_downtime_backfill CASCADE; "
            "DROP TABLE IF EXISTS shop_user; "
            f"CREATE TABLE shop_user (id bigint PRIMARY KEY, name {self.old}, age int DEFAULT 0)"
        )
        self.insert(committed)
        with self.connection.schema_editor(atomic=False) as editor:
            alter_field.expand(editor, self.family.members, {KEY: self._retyping(editor)}, KEY)
        return self.register_backfill(self._transition(self.connection)), committed

    def value(self, side: str, number: int) -> str:
        return f"{self.odd if number % 4 == 0 else 1}{number:04}"

    def sides(self, values: Mapping[str, Value]) -> Sides:
        return Sides(old=next(iter(values.values())))

    def rows(self) -> dict[int, tuple[Value, Value]]:
        rows = self.ask(f"SELECT id, name::text, {HIDDEN}::text FROM shop_user")
        return {key: (visible, hidden) for key, visible, hidden in rows}

    def counterpart(self, visible: Value) -> Value:
        return None if self._is_odd(visible) else visible

    def work(self, connection: BaseDatabaseWrapper) -> CopyColumn:
        return filling(self._transition(connection))

    def migrate(self, editor: BaseDatabaseSchemaEditor) -> None:
        if self._transition(editor.connection).phase == Phase.SWITCHED:
            alter_field.revert_switch(editor, self.family)
        else:
            columns = {"name": self._shape(HIDDEN, self.new)}
            replacement = Replacement("shop_user", columns, {}, {}, {})
            alter_field.switch(editor, self.family, [replacement], {KEY: self._retyping(editor)})

    def mend(self, committed: dict[int, Value]) -> None:
        odd = [key for key, value in committed.items() if self._is_odd(value)]
        self.observer.execute("UPDATE shop_user SET name = '0' WHERE id = ANY(%s)", [odd])
        committed.update(dict.fromkeys(odd, "0"))

    def finish(self, committed: dict[int, Value], is_refused: Callable[[], bool]) -> None:
        if any(map(self._is_odd, committed.values())):
            assert is_refused()
            self.assert_right(committed, is_filled=True)
            self.mend(committed)
        for _ in range(2):
            assert not is_refused()
            self.assert_right(committed, is_filled=True)

    def _is_odd(self, value: Value) -> bool:
        return value is not None and value.startswith(self.odd)

    def _transition(self, connection: BaseDatabaseWrapper) -> Transition:
        return Transition.objects.using(connection.alias).get()

    def _retyping(self, editor: BaseDatabaseSchemaEditor) -> Retyping:
        old, new = self._shape("name", self.old), self._shape("name", self.new)
        return Retyping(
            old=ColumnType(self.old),
            new=ColumnType(self.new),
            forward=plain_cast(editor, old, new),
            backward=plain_cast(editor, new, old),
        )

    def _shape(self, name: str, type_: str) -> ColumnShape:
        return ColumnShape(
            name,
            type_,
            collation=None,
            not_null=False,
            default=None,
            identity=None,
            generated=None,
            comment=None,
        )
