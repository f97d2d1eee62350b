"""Helpers that data migrations of the tests import, as those of a project do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import Any

ARCHIVE = "DELETE FROM shop_order"


def blank_notes(orders: Any) -> None:
    orders.update(note="")


def in_chunks(rows: Any, size: int) -> Iterator[list[Any]]:
    chunk = []
    for row in rows.iterator(chunk_size=size):
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    yield chunk


def logged(function: Any) -> Any:
    @wraps(function)
    def inner(apps: Any, schema_editor: Any) -> None:
        function(apps, schema_editor)

    return inner


def logged_carelessly(function: Any) -> Any:
    def inner(apps: Any, schema_editor: Any) -> None:
        function(apps, schema_editor)

    return inner
