"""RunSQL and RunPython: what others have written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.migrations import RunPython, RunSQL
from django.db.migrations.operations.base import Operation

from zero_downtime.lint.translation.context import Context, Translation
from zero_downtime.postgres import statements as sql


def run_sql(operation: RunSQL, context: Context) -> Translation:
    return Translation()


def run_python(operation: RunPython, context: Context) -> Translation:
    if operation.code is RunPython.noop:
        return Translation()
    return Translation.of([sql.Opaque("", getattr(operation.code, "__name__", "RunPython"))])


HANDLERS: dict[type[Operation], Callable[[Any, Context], Translation]] = {
    RunSQL: run_sql,
    RunPython: run_python,
}
