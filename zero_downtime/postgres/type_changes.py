"""What PostgreSQL does when a column's type changes, by the names of the types, asking no server.

Where there is a server, `operations.stock` lets it say so itself. What is said here is tested
against one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Every one of them is stored the same way.
_TEXTS = {"varchar", "text", "citext"}
_NUMBERS = {"smallint", "integer", "bigint", "numeric", "real", "double precision"}
# Types whose values stay as they are when the limits go.
_LIMITED = {"varchar", "varchar[]", "numeric", "numeric[]"}


_KINDS = {
    **dict.fromkeys(_TEXTS, "text"),
    **dict.fromkeys(_NUMBERS, "number"),
    "timestamp with time zone": "timestamp",
    "timestamp": "timestamp",
    "timestamp without time zone": "timestamp",
    "jsonb": "json",
    "json": "json",
}
_BUILT_IN = {
    *_KINDS.values(),
    "boolean",
    "bytea",
    "date",
    "inet",
    "interval",
    "time",
    "uuid",
}
# Digits before the point that any value may have: more do not fit for certain.
_DIGITS = {
    "smallint": 4.5,
    "integer": 9.5,
    "bigint": 18.5,
    "real": math.inf,
    "double precision": math.inf,
}
_APPROXIMATE = 15
_CHARACTERS = {
    "smallint": 6,
    "integer": 11,
    "bigint": 20,
    "real": 15,
    "double precision": 24,
    "boolean": 5,
    "date": 10,
    "time": 15,
    "timestamp": 26,
    "timestamp without time zone": 26,
    "timestamp with time zone": 32,
    "uuid": 36,
    "inet": 43,
    "cidr": 43,
}


@dataclass(frozen=True)
class _Type:
    base: str
    limits: tuple[str, ...]
    """What stands in parentheses: a length, precision and scale, or whatever there is."""

    @property
    def is_array(self) -> bool:
        return self.base.endswith("[]")

    @property
    def element(self) -> str:
        return self.base.removesuffix("[]")

    @property
    def kind(self) -> str:
        """Types of one kind are all cast into each other."""
        return _KINDS.get(self.element, self.element)

    @classmethod
    def of(cls, name: str) -> _Type:
        # PostgreSQL ignores how many elements or dimensions an array is said to have.
        element, array, _ = name.partition("[")
        base, _, rest = element.partition("(")
        limits, _, tail = rest.partition(")")
        return cls(
            base.strip() + tail + ("[]" if array else ""),
            tuple(limit.strip() for limit in limits.split(",") if limit),
        )


@dataclass(frozen=True)
class _Cast:
    """A cast between types of two kinds."""

    may_fail: bool = False
    loses: bool = False
    breaks_old_code: bool = True


_CASTS = {
    ("integer", "boolean"): _Cast(loses=True),
    ("boolean", "integer"): _Cast(),
    ("date", "timestamp"): _Cast(breaks_old_code=False),
    ("timestamp", "date"): _Cast(loses=True, breaks_old_code=False),
    ("timestamp", "time"): _Cast(loses=True),
    ("time", "interval"): _Cast(),
    ("interval", "time"): _Cast(loses=True, breaks_old_code=False),
    ("json", "boolean"): _Cast(may_fail=True),
    ("json", "number"): _Cast(may_fail=True),
    ("json", "text"): _Cast(breaks_old_code=False),
    ("text", "bytea"): _Cast(loses=True),
}


def rewrites_table(before: str, after: str) -> bool:
    """Tell whether `ALTER COLUMN ... TYPE` writes every row anew.

    Types are named as Django's fields do it. Between types that are not known here it does.
    """
    old, new = _Type.of(before), _Type.of(after)
    if old == new:
        return False
    if not new.limits and (
        {old.base, new.base} <= _TEXTS or (old.base == new.base and new.base in _LIMITED)
    ):
        return False
    return not _is_wider(old, new)


@dataclass(frozen=True)
class Conversion:
    """What becomes of the values of a column, and of code that knows its former type."""

    possible: bool = True
    """PostgreSQL has a cast for it at all."""
    may_fail: bool = False
    """There may be values that have no counterpart."""
    loses: bool = False
    """Values may come out rounded or cut off, without an error."""
    breaks_old_code: bool = False
    """What code of the former type writes is refused, or what it reads is of another kind."""
    narrows: bool = False
    """Some of the values that code of the former type writes are refused."""


def conversion(before: str, after: str, *, cast: bool = True) -> Conversion:
    """Return what `ALTER COLUMN ... TYPE` does to values and to code.

    `cast` says that it has a `USING column::type`, which cuts off what is too long, where it
    would be an error otherwise.
    """
    old, new = _Type.of(before), _Type.of(after)
    if old == new:
        return Conversion()
    if old.is_array != new.is_array:
        text = _TEXTS & {old.base, new.base}
        return Conversion(
            possible=bool(text),
            may_fail=new.is_array,
            loses=bool(new.limits) and not new.is_array,
            breaks_old_code=True,
        )
    cast_between = _cast_between(old, new)
    if cast_between is None:
        # Extensions bring casts of their own.
        return Conversion(possible=not {old.kind, new.kind} <= _BUILT_IN)
    too_many_digits = old.kind == new.kind == "number" and _digits(old) > _digits(new)
    too_precise = old.kind == new.kind == "number" and _fraction(old) > _fraction(new)
    too_long = _characters(old) > _capacity(new)
    return Conversion(
        may_fail=cast_between.may_fail or too_many_digits or (too_long and not cast),
        loses=cast_between.loses or too_precise or (too_long and cast),
        breaks_old_code=cast_between.breaks_old_code,
        narrows=too_many_digits or too_long,
    )


def _cast_between(old: _Type, new: _Type) -> _Cast | None:
    if old.kind == new.kind:
        return _Cast(breaks_old_code=False)
    known = _CASTS.get((old.kind, new.kind)) or _CASTS.get((old.element, new.element))
    if known is None and new.kind == "text":
        return _Cast()
    if known is None and old.kind == "text":
        return _Cast(may_fail=True)
    return known


def _digits(of: _Type) -> float:
    """Return how many digits a number may have before the point; 0 if it is none."""
    if of.element == "numeric":
        return int(of.limits[0]) - int((*of.limits, "0")[1]) if of.limits else math.inf
    return _DIGITS.get(of.element, 0)


def _fraction(of: _Type) -> float:
    """Return how many digits a number may have behind the point; 0 if it is none."""
    if of.element == "numeric":
        return int((*of.limits, "0")[1]) if of.limits else math.inf
    return _APPROXIMATE if of.element in ("real", "double precision") else 0


def _characters(of: _Type) -> float:
    """Return how long the text of a value may be."""
    if of.kind == "text":
        return _capacity(of)
    if of.element == "numeric" and of.limits:
        return int(of.limits[0]) + 2
    return _CHARACTERS.get(of.element, math.inf)


def _capacity(of: _Type) -> float:
    """Return how long a text a column may hold."""
    return int(of.limits[0]) if of.element == "varchar" and of.limits else math.inf


def has_cast(before: str, after: str) -> bool:
    """Tell whether the types are known to be cast into each other, be it with other values."""
    bases = {_Type.of(before).base, _Type.of(after).base}
    return bool(bases & _TEXTS) or bases <= _NUMBERS or len(bases) == 1


def _is_wider(old: _Type, new: _Type) -> bool:
    """Tell whether the new type differs only in that there is more room."""
    return (
        old.base == new.base
        and new.base in ("varchar", "numeric")
        and bool(old.limits)
        and int(old.limits[0]) <= int(new.limits[0])
        and old.limits[1:] == new.limits[1:]
    )
