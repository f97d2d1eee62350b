"""Tables that nobody uses yet, for as long as the `migrate` that found that out is running.

On a fresh database everything runs in one go: rows that migrations themselves have put in are
moved at once, however many they are, and there is no running code that a contract has to wait for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# App label and lower-case name.
ModelKey = tuple[str, str]

_unused: ContextVar[Collection[ModelKey]] = ContextVar("zero_downtime_unused", default=())


@contextmanager
def nobody_uses(models: Collection[ModelKey]) -> Iterator[None]:
    """In this block the tables of `models` are nobody's but the caller's."""
    token = _unused.set(models)
    try:
        yield
    finally:
        _unused.reset(token)


def is_unused(app_label: str, model_name: str) -> bool:
    """Whether nobody but the `migrate` that is running uses the table of a model."""
    return (app_label, model_name.lower()) in _unused.get()
