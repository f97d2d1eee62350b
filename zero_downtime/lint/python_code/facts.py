"""What is told of a function that a data migration runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

ModelKey = tuple[str, str]
"""App label and lower-case name of a model."""


class Kind(StrEnum):
    """What is done to rows or tables."""

    READ = "read"
    LOAD = "load"
    """A read that keeps all its rows in memory at once."""
    WRITE = "write"
    SQL = "sql"
    """A statement as text; what it does is for a parser of SQL to say."""
    SCHEMA = "schema"


class Extent(IntEnum):
    """How many rows: of these, only FEW does not grow with the table."""

    FEW = 0
    BATCHES = 1
    """All of them in the end, but a few for each statement or `transaction.atomic()`."""
    ALL = 2
    """All of them, or all that meet a condition, in one statement or transaction."""


@dataclass(frozen=True)
class Access:
    """One place where the function reads or changes rows, or changes tables."""

    kind: Kind
    line: int
    """In the file of the function that was read, even if a helper elsewhere does it."""
    operation: str
    """The method that does it, such as `update`."""
    model: ModelKey | None = None
    """None if it is not known."""
    extent: Extent = Extent.FEW
    filtered: bool = False
    """The rows meet some condition; how many do is not known."""
    imported: bool = False
    """The model is that of the code, not the one the migration has at this point."""
    source: ModelKey | None = None
    """The model whose many rows a loop goes over to do this."""
    sql: str | None = None
    """The statement's text, for SQL. What is not known of it is put as UNKNOWN_IN_SQL.

    A table that is asked of its model (`_meta.db_table`) has the name that Django would choose.
    """
    has_params: bool = False
    """The statement is run with parameters, so that `%s` stands for a value and `%%` for `%`."""


UNKNOWN_IN_SQL = "unknown"
"""Stands in the text of a statement for what is computed. It parses as a name."""


class Blindness(StrEnum):
    """Why something cannot be seen."""

    SOURCE = "source"
    """The function's source is not at hand, or is not understood."""
    MODEL = "model"
    """The name of a model is computed."""
    SQL = "sql"
    """The text of a statement, or a part of it, is computed."""
    CALL = "call"
    """Models, querysets or connections are handed to code that is not read."""


@dataclass(frozen=True)
class Opaque:
    """One thing that cannot be seen."""

    blindness: Blindness
    line: int
    reason: str


@dataclass(frozen=True)
class PythonCode:
    """What a data migration's function does, as far as its source tells."""

    accesses: tuple[Access, ...] = ()
    opaque: tuple[Opaque, ...] = ()
    path: str | None = None
    """The file of the function, which the lines are lines of; None if it was not found."""

    def of_kind(self, *kinds: Kind) -> tuple[Access, ...]:
        """Return the accesses of these kinds, in the order of the source."""
        return tuple(access for access in self.accesses if access.kind in kinds)

    def is_opaque(self, *blindness: Blindness) -> bool:
        """Tell whether something cannot be seen, for one of these reasons."""
        return any(each.blindness in blindness for each in self.opaque)
