"""What a name in the source of a data migration can stand for, as far as it matters."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from types import CellType
from typing import TYPE_CHECKING

from zero_downtime.lint.python_code.facts import UNKNOWN_IN_SQL, ModelKey

if TYPE_CHECKING:
    from zero_downtime.lint.python_code.sources import Module


class Value:
    """Something that is not followed."""


UNKNOWN = Value()


@dataclass(frozen=True)
class Constant(Value):
    value: object


NONE = Constant(None)
VENDOR = Constant("postgresql")
"""What a connection is to; compared by identity."""


@dataclass(frozen=True)
class Truth(Value):
    """A condition that is known to hold, or not to."""

    holds: bool


@dataclass(frozen=True)
class Text(Value):
    """A string of which only a part is known."""

    text: str


@dataclass(frozen=True)
class Apps(Value):
    imported: bool = False
    """It is the registry of the code, not that of the migration."""


class SchemaEditor(Value):
    pass


class Connection(Value):
    pass


class Connections(Value):
    pass


class Cursor(Value):
    pass


class Atomic(Value):
    """What `transaction.atomic()` returns."""


@dataclass(frozen=True)
class Model(Value):
    key: ModelKey | None
    imported: bool = False


@dataclass(frozen=True)
class Rows(Value):
    """A manager, a queryset, or an iterator over one."""

    model: Model
    many: bool = True
    """Their number grows with the table."""
    filtered: bool = False
    streamed: bool = False
    """Not kept in memory while they are iterated over."""


@dataclass(frozen=True)
class Row(Value):
    model: Model


@dataclass(frozen=True)
class Pages(Value):
    """A paginator, or what yields rows in batches."""

    rows: Rows


@dataclass(frozen=True)
class Imported(Value):
    """Something from another module, whose source is not read."""

    name: str
    """Dotted; begins with a dot if relative to a package that is not known."""


@dataclass(frozen=True)
class Member(Value):
    """An attribute: a method to be called or, of a row, a value, a related row or manager."""

    owner: Value
    name: str


@dataclass(frozen=True)
class Several(Value):
    """A tuple."""

    items: tuple[Value, ...]


@dataclass(eq=False)
class Collection(Value):
    """A list, set or dict. It is one object under all its names, and grows."""

    depth: int = 0
    """Number of loops and transactions around the place where it was made."""
    element: Value = UNKNOWN
    items: tuple[Value, ...] | None = None
    """Its elements (keys, for a dict), if they are written down."""
    many: bool = False
    """Its size grows with a table."""
    source: ModelKey | None = None
    emptied: bool = False
    """A loop empties it now and then: it holds one batch."""
    fills_itself: bool = False
    """It is a defaultdict."""


@dataclass(frozen=True)
class Function(Value):
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    module: Module
    scope: Scope | None = None
    """The names around the function; None for those of the module."""
    arguments: tuple[Value, ...] = ()
    """Positional arguments that are bound already."""
    keywords: dict[str, Value] = field(default_factory=dict, hash=False)


@dataclass
class Scope:
    """The names of a function."""

    module: Module
    names: dict[str, Value] = field(default_factory=dict)
    parent: Scope | None = None
    result: Value = NONE
    cells: dict[str, CellType] = field(default_factory=dict)
    """The names of a function that has returned, which one that was made in it still uses."""

    def copy(self) -> Scope:
        return replace(self, names=dict(self.names))

    def join(self, other: Scope) -> None:
        """Take over what `other`, another way through the same function, knows."""
        for name, value in other.names.items():
            self.names[name] = join(self.names.get(name, UNKNOWN), value)
        self.result = join(self.result, other.result)


def join(one: Value, other: Value) -> Value:
    """Return what a name stands for that is `one` or `other`: the one that can do more."""
    if one is UNKNOWN or one == NONE:
        return other
    if other is UNKNOWN or other == NONE:
        return one
    if isinstance(one, Rows) and isinstance(other, Rows):
        return replace(
            one,
            many=one.many or other.many,
            filtered=one.filtered and other.filtered,
            streamed=one.streamed and other.streamed,
        )
    return other


def text_of(value: Value) -> str:
    """Return the value as a part of a string."""
    match value:
        case Constant(value=known):
            return str(known)
        case Text(text=text):
            return text
    return UNKNOWN_IN_SQL


def is_many(value: Value) -> bool:
    """Tell whether the number of things in `value` grows with a table."""
    rows = value.rows if isinstance(value, Pages) else value
    return isinstance(rows, Rows | Collection) and rows.many


def source_of(value: Value) -> ModelKey | None:
    """Return the model that the things in `value` are of, or are made from."""
    match value:
        case Rows(model=model) | Pages(rows=Rows(model=model)):
            return model.key
        case Collection(source=source):
            return source
    return None


def element_of(value: Value) -> Value:
    """Return what stands for any one thing in `value`."""
    match value:
        case Rows(model=model):
            return Row(model)
        case Pages(rows=rows):
            return replace(rows, many=False)
        case Collection(items=items, element=element):
            return items[0] if items else element
        case Several(items=items):
            return items[0] if items else UNKNOWN
    return UNKNOWN
