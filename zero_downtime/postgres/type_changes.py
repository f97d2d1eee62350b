"""What PostgreSQL does when a column's type changes, by the names of the types, asking no server.

Where there is a server, `operations.stock` lets it say so itself. What is said here is tested
against one.
"""

from __future__ import annotations

from dataclasses import dataclass

# Every one of them is stored the same way.
_TEXTS = {"varchar", "text", "citext"}
_NUMBERS = {"smallint", "integer", "bigint", "numeric", "real", "double precision"}
# Types whose values stay as they are when the limits go.
_LIMITED = {"varchar", "varchar[]", "numeric", "numeric[]"}


@dataclass(frozen=True)
class _Type:
    base: str
    limits: tuple[str, ...]
    """What stands in parentheses: a length, precision and scale, or whatever there is."""

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
