"""Doing something between two statements of Django's connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Ahead:
    """Calls a function before the first statement that has one of certain words in it."""

    def __init__(self, *words: str, call: Callable[[], object]) -> None:
        self.words = words
        self.call = call
        self.called = False

    def __call__(self, execute: Any, sql: str, *arguments: Any) -> Any:
        if not self.called and any(each in sql for each in self.words):
            self.called = True
            self.call()
        return execute(sql, *arguments)
