"""What the phases of a change of type have in common: the columns, the types, the ways between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Transition
from zero_downtime.postgres.identifiers import quote
from zero_downtime.postgres.replacements import hidden_name
from zero_downtime.transitions import converting
from zero_downtime.transitions.conversions import Conversion
from zero_downtime.transitions.pairs import ColumnPair
from zero_downtime.transitions.phases import TransitionKey

KIND = "alter_field"

Phase = Transition.Phase


@dataclass(frozen=True)
class ColumnType:
    """A type and a collation, as they stand in DDL."""

    type: str
    collation: str | None = None

    def __str__(self) -> str:
        return self.type if self.collation is None else f"{self.type} COLLATE {self.collation}"


@dataclass(frozen=True)
class Retyping:
    """The two types and the ways between them. It is kept with the transition, as JSON."""

    old: ColumnType
    new: ColumnType
    forward: Conversion
    backward: Conversion

    @classmethod
    def of(cls, transition: Transition) -> Retyping:
        """Return what the expand has kept."""
        kept: dict[str, Any] = transition.details
        return cls(
            old=ColumnType(**kept["old"]),
            new=ColumnType(**kept["new"]),
            forward=Conversion(**kept["forward"]),
            backward=Conversion(**kept["backward"]),
        )

    def hidden_type(self, phase: str) -> ColumnType:
        """Return the type of the hidden column in a phase."""
        return self.old if phase == Phase.SWITCHED else self.new

    def from_visible(self, phase: str) -> Conversion:
        """Return the way from the visible to the hidden column in a phase."""
        return self.backward if phase == Phase.SWITCHED else self.forward


@dataclass(frozen=True)
class FieldAlteration:
    """A change of one field's type, as seen from the table. `model` is a historical model."""

    key: TransitionKey
    model: type[Model]
    column: str

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.key.old_name}"

    @property
    def table(self) -> str:
        """Return the table's name as Django has it."""
        return self.model._meta.db_table

    @property
    def hidden(self) -> str:
        """Return the name of the hidden column, whichever that is."""
        return hidden_name(self.column)

    def pair(self, connection: BaseDatabaseWrapper) -> ColumnPair:
        """Return the visible and the hidden column."""
        return ColumnPair.of(connection, self.table, self.column, self.hidden)


class FillHidden(CopyColumn):
    """Puts the visible column, converted, into the hidden one."""

    def __init__(self, transition: Transition) -> None:
        super().__init__(transition.table, transition.old_column, transition.new_column)
        self.is_switched = transition.phase == Phase.SWITCHED
        self.conversion = Retyping.of(transition).from_visible(transition.phase)

    def value(self, connection: BaseDatabaseWrapper) -> str:
        """Return the conversion of the visible column."""
        return self.conversion.of(quote(connection, self.source)).replace("%", "%%")

    def difference(self, connection: BaseDatabaseWrapper) -> str:
        """Return the condition that neither column is the other one, converted.

        Rows whose value does not convert are among those.
        """
        pair = ColumnPair.of(connection, self.table, self.source, self.target)
        old, new = self.source, self.target
        if self.is_switched:
            old, new = new, old
        return f"NOT {converting.agree(connection, pair, old, new)}".replace("%", "%%")
