"""Whether two values are the same, as SQL."""

from __future__ import annotations


def differ(one: str, other: str, *, exact: bool) -> str:
    """Return the condition that two values of one type are not the same, byte for byte.

    NULL is a value as any other. The casts keep PostgreSQL from comparing what is in the rows, one
    by one, by its own operators.

    Args:
        exact: whether values that the type takes for equal are the same, as `catalog.Column` knows;
            then the condition costs a third.
    """
    if exact:
        return f"{one} IS DISTINCT FROM {other}"
    return f"ROW({one})::record *<> ROW({other})::record"
