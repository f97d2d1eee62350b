"""What fields an expression is about."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q
from django.db.models.expressions import Combinable


def mentions(expression: Any, name: str) -> bool:
    """Tell whether a condition or an expression is about the field."""
    if isinstance(expression, Q):
        return any(mentions(child, name) for child in expression.children)
    if isinstance(expression, tuple):
        lookup, value = expression
        return lookup.split("__")[0] == name or mentions(value, name)
    if isinstance(expression, F):
        return bool(expression.name.split("__")[0] == name)  # type: ignore[attr-defined]  # stubs
    if isinstance(expression, Combinable) or hasattr(expression, "get_source_expressions"):
        return any(mentions(each, name) for each in expression.get_source_expressions())
    return False


def field_not_null(condition: Any) -> str:
    """Return the field if all that a condition says is that it is not NULL; otherwise ""."""
    if not isinstance(condition, Q) or len(condition.children) != 1:
        return ""
    [child] = condition.children
    if not isinstance(child, tuple) or child[1] is not bool(condition.negated):
        return ""
    name, _, lookup = child[0].rpartition("__")
    return name if lookup == "isnull" else ""


def implies(old: Any, new: Any) -> bool:
    """Tell whether whatever fulfils the one condition is known to fulfil the other.

    Known are two bounds of a field, and two lists of what it may be.
    """
    known, asked = _comparison(old), _comparison(new)
    if known is None or asked is None or known[0] != asked[0]:
        return False
    (_, before, value), (_, after, limit) = known, asked
    try:
        match before, after:
            case "in", "in":
                return set(value) <= set(limit)
            case "gte", "gt":
                return bool(value > limit)
            case "gt" | "gte", "gt" | "gte":
                return bool(value >= limit)
            case "lte", "lt":
                return bool(value < limit)
            case "lt" | "lte", "lt" | "lte":
                return bool(value <= limit)
    except TypeError:  # expressions, say
        return False
    return before == after and bool(value == limit)


def _comparison(condition: Any) -> tuple[str, str, Any] | None:
    """Return (field, lookup, value) of a condition that is no more than that."""
    if not isinstance(condition, Q) or condition.negated or len(condition.children) != 1:
        return None
    [child] = condition.children
    if not isinstance(child, tuple):
        return None
    name, _, lookup = child[0].partition("__")
    return name, lookup, child[1]
