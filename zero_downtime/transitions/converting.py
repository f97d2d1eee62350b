"""The triggers that keep a hidden column true while the type of a field changes.

Everybody writes the visible column, so there is one direction only: what is written there is
converted and put into the hidden one. A value that does not convert must not fail the statement of
the client, who knows nothing of the change: the hidden column becomes NULL, and the write is
counted. Whether two values go together is asked by a function, because finding out means to try.
"""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model

from zero_downtime.postgres.identifiers import quote
from zero_downtime.transitions import dual_write, evidence
from zero_downtime.transitions.conversions import Conversion
from zero_downtime.transitions.dual_write import PairTrigger
from zero_downtime.transitions.pairs import ColumnPair


class _Convert(PairTrigger):
    """Puts the value of the visible column, converted, into the hidden one."""

    def __init__(self, pair: ColumnPair, conversion: Conversion) -> None:
        super().__init__(pair)
        self.conversion = conversion

    def get_func(self, model: Model) -> str:
        """Return the body of the function."""
        assignment = f"NEW.{self.new} := {self.conversion.of(f'NEW.{self.old}')};"
        if self.conversion.cannot_fail:
            return assignment
        return f"""BEGIN
                    {assignment}
                EXCEPTION WHEN others THEN
                    NEW.{self.new} := NULL;
                    {evidence.note_unconverted(self.pair)}
                END;"""


class ConvertInserted(_Convert):
    """Does so for every new row, whatever was put into the hidden column."""

    operation = pgtrigger.Insert


class ConvertUpdated(_Convert):
    """Does so for rows whose visible column changes, or that nobody has filled yet.

    The latter may be about to get a key that the backfill has passed.
    """

    operation = pgtrigger.Update

    def get_condition(self, model: Model) -> pgtrigger.Condition:
        """Call the function only for those rows."""
        changes = self.pair.differ(f"NEW.{self.old}", f"OLD.{self.old}")
        # NULL may be converted to something, too.
        return pgtrigger.Condition(f"{changes} OR NEW.{self.new} IS NULL")


def _triggers(pair: ColumnPair, conversion: Conversion) -> list[PairTrigger]:
    return [ConvertInserted(pair, conversion), ConvertUpdated(pair, conversion)]


def convert(
    schema_editor: BaseDatabaseSchemaEditor, model: Any, pair: ColumnPair, conversion: Conversion
) -> None:
    """Fill column `pair.new` with the conversion of `pair.old` from now on.

    Locks: SHARE ROW EXCLUSIVE on the table, for the time it takes to write the catalog.
    """
    dual_write.put_up(schema_editor, model, _triggers(pair, conversion))


def stop(schema_editor: BaseDatabaseSchemaEditor, pair: ColumnPair) -> None:
    """Leave the hidden column alone, and no function or sequence behind.

    Locks: ACCESS EXCLUSIVE on the table, for the time it takes to write the catalog.
    """
    dual_write.take_down(schema_editor, _triggers(pair, Conversion("NULL")))
    schema_editor.execute(f"DROP FUNCTION IF EXISTS {_agreement(pair)}", params=None)
    evidence.uninstall_unconverted(schema_editor, pair)


def prepare(
    schema_editor: BaseDatabaseSchemaEditor,
    pair: ColumnPair,
    types: tuple[str, str],
    conversions: tuple[Conversion, Conversion],
) -> None:
    """Create what stays the same whichever column is hidden.

    That is the sequence that counts, and the function that tells whether two values stand for each
    other. They do when one of them is the other one, converted: `'007'` and 7 do, though 7 is
    `'7'` again.

    Args:
        types: the old and the new type.
        conversions: forward and backward.
    """
    evidence.install_unconverted(schema_editor, pair)
    forward, backward = conversions
    schema_editor.execute(
        f"""
            CREATE OR REPLACE FUNCTION
            {_agreement(pair)}(old_value {types[0]}, new_value {types[1]})
            RETURNS boolean STABLE LANGUAGE plpgsql AS $$
            BEGIN
                BEGIN
                    IF new_value IS NOT DISTINCT FROM {forward.of("old_value")} THEN
                        RETURN true;
                    END IF;
                EXCEPTION WHEN others THEN
                    NULL;
                END;
                BEGIN
                    RETURN old_value IS NOT DISTINCT FROM {backward.of("new_value")};
                EXCEPTION WHEN others THEN
                    RETURN false;
                END;
            END
            $$
        """,
        params=None,
    )


def agree(
    connection: BaseDatabaseWrapper, pair: ColumnPair, old_column: str, new_column: str
) -> str:
    """Return the SQL condition that a row's columns stand for each other.

    Args:
        old_column: the one that is of the old type now; visible or hidden.
        new_column: the other one.
    """
    columns = f"{quote(connection, old_column)}, {quote(connection, new_column)}"
    return f"{_agreement(pair)}({columns})"


def _agreement(pair: ColumnPair) -> str:
    return f"{pair.quoted_schema}.zero_downtime_{pair.identity}_agree"
