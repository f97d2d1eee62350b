"""What the operations of a migration do to the database, as statements, from the states alone.

This follows what Django's schema editor for PostgreSQL does, in the order in which it does it; the
corpus of observed migrations is what holds it to that. An operation that brings its own way of
going forwards is not translated: who knows what it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.migrations.operations.base import Operation

from zero_downtime.lint.translation import code, constraints, fields, models
from zero_downtime.lint.translation.context import Context, Translation

HANDLERS: dict[type[Operation], Callable[[Any, Context], Translation]] = {
    **fields.HANDLERS,
    **models.HANDLERS,
    **constraints.HANDLERS,
    **code.HANDLERS,
}


def translate(operation: Operation, context: Context) -> Translation:
    """Return what `operation` does to the database; nothing if it is not known."""
    kind: Any
    for kind in type(operation).__mro__:
        handler = HANDLERS.get(kind)
        if handler is not None:
            if type(operation).database_forwards is kind.database_forwards:
                return handler(operation, context)
            break
    return Translation()


def is_known(operation: Operation) -> bool:
    """Tell whether it is known what `operation` does to the database, be it nothing."""
    package = type(operation).database_forwards.__module__.partition(".")[0]
    return package in ("django", "zero_downtime")
