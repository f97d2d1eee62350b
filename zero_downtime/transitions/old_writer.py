"""The triggers that notice code which still writes a column that is about to go.

New code does not know the column, so what it inserts has there what an INSERT without it leaves:
the default of the column, or NULL. Anything else is the work of old code. They change nothing, and
`dual_write.uninstall` takes them down like any triggers of a pair.
"""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model

from zero_downtime.postgres.shapes import read_shape
from zero_downtime.transitions import dual_write, evidence
from zero_downtime.transitions.dual_write import PairTrigger
from zero_downtime.transitions.pairs import ColumnPair


class OldInsert(PairTrigger):
    """Notes an INSERT that gives the column another value than it has by default.

    Args:
        absent: SQL expression of what an INSERT without the column leaves there.
    """

    operation = pgtrigger.Insert

    def __init__(self, pair: ColumnPair, absent: str) -> None:
        super().__init__(pair)
        self.absent = absent

    def get_condition(self, model: Model) -> pgtrigger.Condition:
        """Call the function only for what old code has inserted."""
        return pgtrigger.Condition(f"NEW.{self.old} IS DISTINCT FROM {self.absent}")

    def get_func(self, model: Model) -> str:
        """Return the body of the function."""
        return evidence.note_old_write(self.pair)


class OldUpdate(PairTrigger):
    """Notes an UPDATE that changes the column."""

    operation = pgtrigger.Update

    def get_condition(self, model: Model) -> pgtrigger.Condition:
        """Call the function only if the column changes: others do not concern it."""
        return pgtrigger.Condition(self.pair.differ(f"NEW.{self.old}", f"OLD.{self.old}"))

    def get_func(self, model: Model) -> str:
        """Return the body of the function."""
        return evidence.note_old_write(self.pair)


def install(
    schema_editor: BaseDatabaseSchemaEditor,
    model: Any,
    pair: ColumnPair,
    *,
    default_is_stable: bool,
) -> None:
    """Note from now on who writes the old column of `pair`. `model` is the model of its table.

    Locks: SHARE ROW EXCLUSIVE on the table, for the time it takes to write the catalog.

    Args:
        default_is_stable: whether the column's default, if it has one, is the same all through a
            transaction. If it is not, nobody can tell an INSERT with a value from one without.
    """
    column = read_shape(schema_editor.connection, pair.table).columns.get(pair.old)
    triggers: list[PairTrigger] = [OldUpdate(pair)]
    if column is None or column.default is None:
        triggers.append(OldInsert(pair, absent="NULL"))
    elif default_is_stable:
        triggers.append(OldInsert(pair, absent=f"({column.default})::{column.type}"))
    evidence.install(schema_editor, pair)
    dual_write.put_up(schema_editor, model, triggers)
