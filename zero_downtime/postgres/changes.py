"""From one shape of a table to another: which changes, and in which order. Pure functions.

The order is what makes it safe: what restricts writers goes first, what reads the table comes
when everything it needs is there, NOT NULL comes after the rows are filled, and a column goes
when nothing refers to it any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from zero_downtime.postgres.shapes import ColumnShape, ConstraintShape, IndexShape, TableShape

T = TypeVar("T")


@dataclass(frozen=True)
class Change:
    """One difference between two shapes."""


@dataclass(frozen=True)
class DropConstraint(Change):
    """Take a constraint away."""

    name: str
    constraint: ConstraintShape


@dataclass(frozen=True)
class DropIndex(Change):
    """Take an index away."""

    name: str
    index: IndexShape


@dataclass(frozen=True)
class DropNotNull(Change):
    """Let a column be NULL."""

    name: str


@dataclass(frozen=True)
class SetType(Change):
    """Give a column another type or collation, and its CHECKs the words that go with it."""

    before: ColumnShape
    after: ColumnShape


@dataclass(frozen=True)
class SetDefault(Change):
    """Give a column a default, another one, or none."""

    name: str
    default: str | None


@dataclass(frozen=True)
class SetComment(Change):
    """Give a column a comment, another one, or none."""

    name: str
    comment: str | None


@dataclass(frozen=True)
class AddColumn(Change):
    """Add a column."""

    column: ColumnShape


@dataclass(frozen=True)
class FillColumn(Change):
    """Put `value`, an SQL expression, where a column is NULL. Made by operations, not by a diff."""

    name: str
    value: str


@dataclass(frozen=True)
class SetNotNull(Change):
    """Forbid a column to be NULL."""

    name: str


@dataclass(frozen=True)
class AddIndex(Change):
    """Add an index.

    `written_as` is a CREATE INDEX CONCURRENTLY to use instead of what the server printed: for
    some expressions (`IN`) what it prints is not what it reads back in.
    """

    name: str
    index: IndexShape
    written_as: str | None = None


@dataclass(frozen=True)
class AddConstraint(Change):
    """Add a constraint. `written_as` is what follows ADD, to use as in `AddIndex`."""

    name: str
    constraint: ConstraintShape
    written_as: str | None = None


@dataclass(frozen=True)
class DropColumn(Change):
    """Take a column away."""

    name: str


SAFE_ORDER: tuple[type[Change], ...] = (
    DropConstraint,
    DropIndex,
    DropNotNull,
    SetType,
    AddColumn,
    SetDefault,
    SetComment,
    FillColumn,
    SetNotNull,
    AddIndex,
    AddConstraint,
    DropColumn,
)


class Unsupported(Exception):
    """A difference that no step of ours bridges."""


def changes_between(before: TableShape, after: TableShape) -> list[Change]:
    """Return what has to be done to get from one shape to the other, in a safe order.

    Raises:
        Unsupported: the shapes differ in a column's identity or generation expression.
    """
    found = [
        *_column_changes(before.columns, after.columns),
        *_removals(before.indexes, after.indexes, DropIndex),
        *_additions(before.indexes, after.indexes, AddIndex),
        *_removals(before.constraints, after.constraints, DropConstraint),
        *_additions(before.constraints, after.constraints, AddConstraint),
    ]
    gone = {change.name for change in found if isinstance(change, DropColumn)}
    retyped = {change.after.name for change in found if isinstance(change, SetType)}
    return in_safe_order(
        change
        for change in found
        if not _goes_with_column(change, gone) and not _follows_type(change, retyped, after)
    )


def rebuilt_guards(changes: Iterable[Change]) -> list[str]:
    """Return the names of what forbids rows by an index, and is dropped to be built again."""
    dropped = {
        change.name
        for change in changes
        if (isinstance(change, DropIndex) and change.index.unique)
        or (isinstance(change, DropConstraint) and change.constraint.index_body is not None)
    }
    return [
        change.name
        for change in changes
        if isinstance(change, AddIndex | AddConstraint) and change.name in dropped
    ]


def in_safe_order(changes: Iterable[Change]) -> list[Change]:
    """Sort by kind; changes of a kind keep their order."""
    return sorted(changes, key=lambda change: SAFE_ORDER.index(type(change)))


def _goes_with_column(change: Change, gone: set[str]) -> bool:
    """Whether dropping the columns `gone` does it. A foreign key is better dropped before,

    because DROP COLUMN would have to lock the other table together with this one.
    """
    return (
        isinstance(change, DropConstraint)
        and change.constraint.target is None
        and bool(gone.intersection(change.constraint.columns))
    )


def _follows_type(change: Change, retyped: set[str], after: TableShape) -> bool:
    """Whether a CHECK only reads differently because the type of a column of it changes.

    Changing the type takes it along, so that no moment is without it.
    """
    return (
        isinstance(change, DropConstraint)
        and change.constraint.type == "c"
        and change.name in after.constraints
        and bool(retyped.intersection(change.constraint.columns))
    )


def _removals(
    before: Mapping[str, T], after: Mapping[str, T], kind: type[DropIndex] | type[DropConstraint]
) -> Iterator[Change]:
    for name, thing in before.items():
        if after.get(name) != thing:
            yield kind(name, thing)  # type: ignore[arg-type]


def _additions(
    before: Mapping[str, T], after: Mapping[str, T], kind: type[AddIndex] | type[AddConstraint]
) -> Iterator[Change]:
    for name, thing in after.items():
        if before.get(name) != thing:
            yield kind(name, thing)  # type: ignore[arg-type]


def _column_changes(
    before: Mapping[str, ColumnShape], after: Mapping[str, ColumnShape]
) -> Iterator[Change]:
    for name in before.keys() - after.keys():
        yield DropColumn(name)
    for name, column in after.items():
        if name not in before:
            yield from _new_column(column)
        elif column != before[name]:
            yield from _changed_column(before[name], column)


def _new_column(column: ColumnShape) -> Iterator[Change]:
    yield AddColumn(replace(column, comment=None))
    if column.comment is not None:
        yield SetComment(column.name, column.comment)


def _changed_column(before: ColumnShape, after: ColumnShape) -> Iterator[Change]:
    name = after.name
    if (before.identity, before.generated) != (after.identity, after.generated) or (
        after.generated and before.default != after.default
    ):
        raise Unsupported(f'how column "{name}" is generated')
    if (before.type, before.collation) != (after.type, after.collation):
        yield SetType(before, after)
    if before.default != after.default:
        yield SetDefault(name, after.default)
    if before.comment != after.comment:
        yield SetComment(name, after.comment)
    if before.not_null and not after.not_null:
        yield DropNotNull(name)
    if after.not_null and not before.not_null:
        yield SetNotNull(name)
