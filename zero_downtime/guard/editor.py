"""A schema editor that knows what it has executed, and can be told how."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from zero_downtime.postgres.locks import SharedPatience

# Given a statement, its fingerprint, and what executes it.
How: TypeAlias = Callable[[str, str, Callable[[], None]], None]


class NotingEditor(BaseDatabaseSchemaEditor):
    """Put before the schema editor of a connection, of whatever kind that is."""

    def __init__(self, connection: BaseDatabaseWrapper, atomic: bool = True) -> None:
        super().__init__(connection, atomic=atomic)
        self._executed: list[str] = []
        self._how: How = _at_once

    @contextmanager
    def executing(self, how: How) -> Iterator[None]:
        """Execute statements in this way."""
        self._how = how
        try:
            yield
        finally:
            self._how = _at_once

    def take_fingerprint(self) -> str:
        """Return what tells the statements since the last call from others; "" for none."""
        executed, self._executed = self._executed, []
        return _digest("\n".join(executed)) if executed else ""

    def execute(self, sql: Any, params: Any = ()) -> None:
        """Execute a statement, or whatever is to be done with it."""
        fingerprint = _digest(f"{sql} {params!r}")
        self._executed.append(fingerprint)
        self._how(str(sql), fingerprint, partial(super().execute, sql, params))


def _at_once(sql: str, fingerprint: str, execute: Callable[[], None]) -> None:
    execute()


def in_turn(connection: BaseDatabaseWrapper) -> How:
    """Return the way for statements of one transaction, which keeps the locks of each."""
    patience = SharedPatience(connection)

    def how(sql: str, fingerprint: str, execute: Callable[[], None]) -> None:
        with patience.spent():
            execute()

    return how


def noting_editor(connection: BaseDatabaseWrapper, *, atomic: bool) -> NotingEditor:
    """Return an editor of the connection's own kind that takes notes."""
    return _noting(connection.SchemaEditorClass)(connection, atomic=atomic)


@cache
def _noting(kind: type[BaseDatabaseSchemaEditor]) -> type[NotingEditor]:
    return type(f"Noting{kind.__name__}", (NotingEditor, kind), {})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
