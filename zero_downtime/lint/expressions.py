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
