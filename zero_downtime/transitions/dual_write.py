"""The triggers that keep the two columns of a transition equal, whoever writes.

Which side was written is told from values (NEW against OLD), not from the statement's SET list:
Django's `save()` names every column, and another trigger's change is in no SET list at all.
The triggers bear names that sort last, because BEFORE triggers run in the order of their names
and the copy has to be taken after everybody else changed the row. Their WHEN clauses keep the
functions from being called for rows whose sides are equal, as those are that the backfill writes,
or that other columns of are written. Whoever writes a row that the backfill has not reached fills
it: it may be about to get a key that the backfill has passed.

Precedence, when one statement writes both sides differently: the new side wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pgtrigger
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model
from pgtrigger.compiler import Trigger as CompiledTrigger
from pgtrigger.compiler import UpsertTriggerSql

from zero_downtime.transitions import evidence
from zero_downtime.transitions.pairs import ColumnPair

# django-pgtrigger's own triggers begin with "pgtrigger_"; ours have to come after everybody's.
NAME_PREFIX = "zzz_zero_downtime_"


class DualWriteSql(UpsertTriggerSql):
    """A bare function and its trigger.

    Without django-pgtrigger's test for `pgtrigger.ignore()`, which costs more than the dual
    write itself and would let a session write one side only. CREATE OR REPLACE takes SHARE ROW
    EXCLUSIVE where DROP TRIGGER would take ACCESS EXCLUSIVE.
    """

    def get_template(self) -> str:
        """Return the statements that install the function and its trigger."""
        return """
            CREATE OR REPLACE FUNCTION {execute} RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                {func}
                RETURN NEW;
            END
            $$;
            CREATE OR REPLACE TRIGGER {pgid} {when} {operation} ON {table}
            FOR EACH {level} {condition} EXECUTE FUNCTION {execute};
            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}'
        """


class PairTrigger(pgtrigger.Trigger):
    """What all triggers of a pair of columns have in common."""

    when = pgtrigger.Before
    level = pgtrigger.Row

    def __init__(self, pair: ColumnPair) -> None:
        self.pair = pair
        self.old, self.new = f'"{pair.old}"', f'"{pair.new}"'
        super().__init__(name=str(self.operation).lower())

    def get_pgid(self, model: Model | None = None) -> str:
        """Return the trigger's name, which is its function's too; it needs no quoting."""
        return f"{NAME_PREFIX}{self.pair.identity}_{self.name}"

    def render_execute(self, model: Model | None = None) -> str:
        """Return the call of the function, which lives in the table's schema."""
        return f"{self.pair.quoted_schema}.{self.get_pgid()}()"

    def compile(self, model: Model) -> CompiledTrigger:
        """Return the trigger's SQL, without django-pgtrigger's wrapper around the function."""
        return CompiledTrigger(
            name=str(self.name),
            sql=DualWriteSql(
                pgid=self.get_pgid(),
                func=self.render_func(model),
                table=self.pair.table,
                when=self.when,
                operation=self.operation,
                level=self.level,
                condition=self.render_condition(model),
                execute=self.render_execute(),
            ),
        )


class _DualWrite(PairTrigger):
    """What the two that copy have in common."""

    def __init__(self, pair: ColumnPair) -> None:
        super().__init__(pair)
        self.original, self.mirror = f'"{pair.original}"', f'"{pair.mirror}"'

    def get_condition(self, model: Model) -> pgtrigger.Condition:
        """Call the function only for rows whose sides differ."""
        return pgtrigger.Condition(self.pair.differ(f"NEW.{self.old}", f"NEW.{self.new}"))

    def _copy(self, source: str, target: str) -> str:
        """Return what copies the side that was written to the other one."""
        note = evidence.note_old_write(self.pair) if source == self.old else ""
        return f"NEW.{target} := NEW.{source};{note}"


class DualInsert(_DualWrite):
    """Fill the side that the INSERT left out.

    An INSERT cannot tell an explicit NULL from an omitted column, so NULL means "not mine". That
    is asked of the mirror, which has no default.
    """

    operation = pgtrigger.Insert

    def get_func(self, model: Model) -> str:
        """Return the body of the function."""
        return f"""
                IF NEW.{self.mirror} IS NULL THEN
                    {self._copy(self.original, self.mirror)}
                ELSE
                    {self._copy(self.mirror, self.original)}
                END IF;"""


class DualUpdate(_DualWrite):
    """Copy the side that the UPDATE changed to the other one."""

    operation = pgtrigger.Update

    def get_func(self, model: Model) -> str:
        """Return the body of the function."""
        return f"""
                IF {self._is_written(self.new)} THEN
                    {self._copy(self.new, self.old)}
                ELSIF {self._is_written(self.old)} THEN
                    {self._copy(self.old, self.new)}
                ELSE
                    NEW.{self.mirror} := NEW.{self.original};
                END IF;"""

    def _is_written(self, side: str) -> str:
        """Return the condition that the UPDATE means to change that side.

        Code that read a row before the backfill reached it read NULL in the mirror, and `save()`
        writes what was read. Until the mirror is filled, such a NULL must not wipe anything out.
        """
        differs = self.pair.differ(f"NEW.{side}", f"OLD.{side}")
        if side == self.original:
            return differs
        null_is_meant = evidence.is_filled(self.pair) if self.pair.nullable else "false"
        return f"""{differs}
                   AND (NEW.{side} IS NOT NULL OR {null_is_meant})"""


def install(schema_editor: BaseDatabaseSchemaEditor, model: Any, pair: ColumnPair) -> None:
    """Keep the two columns of `pair` equal from now on. `model` is the model of its table.

    Locks: SHARE ROW EXCLUSIVE on the table, for the time it takes to write the catalog.
    """
    evidence.install(schema_editor, pair)
    put_up(schema_editor, model, [DualInsert(pair), DualUpdate(pair)])


def uninstall(schema_editor: BaseDatabaseSchemaEditor, pair: ColumnPair) -> None:
    """Stop keeping the two columns equal, and leave no function or sequence behind.

    Locks: ACCESS EXCLUSIVE on the table, for the time it takes to write the catalog.
    """
    take_down(schema_editor, [DualInsert(pair), DualUpdate(pair)])
    evidence.uninstall(schema_editor, pair)


def put_up(
    schema_editor: BaseDatabaseSchemaEditor, model: Any, triggers: Iterable[PairTrigger]
) -> None:
    """Create the triggers and their functions, or replace those that bear their names."""
    for trigger in triggers:
        schema_editor.execute(trigger.compile(model).install_sql, params=None)


def take_down(schema_editor: BaseDatabaseSchemaEditor, triggers: Iterable[PairTrigger]) -> None:
    """Drop the triggers and their functions."""
    for trigger in triggers:
        table = schema_editor.quote_name(trigger.pair.table)
        schema_editor.execute(
            f"DROP TRIGGER IF EXISTS {trigger.get_pgid()} ON {table}", params=None
        )
        schema_editor.execute(f"DROP FUNCTION IF EXISTS {trigger.render_execute()}", params=None)
