"""What a CONCURRENTLY statement has left that may or may not have come to its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from sqlparse.lexer import tokenize
from sqlparse.tokens import Comment, Whitespace

from zero_downtime.postgres.locks import patiently

_BEFORE_THE_NAME = {"IF", "NOT", "EXISTS", "NOT EXISTS"}


@dataclass(frozen=True)
class IndexStatement:
    """A CREATE or a DROP INDEX CONCURRENTLY."""

    creates: bool
    name: str
    """As it stands in the statement, quoted or not, with a schema or without."""


def index_statement(sql: Any) -> IndexStatement | None:
    """Return what `sql` does to which index; None if it is something else, or leaves it unnamed."""
    tokens = _tokens(str(sql))
    words = []
    for word in tokens:
        words.append(word.upper())
        if words[-1] == "CONCURRENTLY":
            break
    if words not in (
        ["CREATE", "INDEX", "CONCURRENTLY"],
        ["CREATE", "UNIQUE", "INDEX", "CONCURRENTLY"],
        ["DROP", "INDEX", "CONCURRENTLY"],
    ):
        return None
    name = ""
    for word in tokens:
        if word.upper() in _BEFORE_THE_NAME and not name:
            continue
        if name and not (name.endswith(".") or word == "."):
            break
        name += word
    unnamed = name.upper() == "ON"
    return None if unnamed or not name else IndexStatement(words[0] == "CREATE", name)


def _tokens(sql: str) -> Iterator[str]:
    for kind, word in tokenize(sql):  # type: ignore[no-untyped-call]
        if kind not in Whitespace and kind not in Comment:
            yield word


def clear_up(schema_editor: Any, sql: Any) -> bool:
    """Drop the INVALID index that an earlier try at `sql` has left.

    Returns:
        Whether that try came to its end, so that nothing is left to do.
    """
    statement = index_statement(sql)
    if statement is None:
        return False
    valid = _is_valid(schema_editor.connection, statement.name)
    if not statement.creates:
        return valid is None
    if valid is False:
        patiently(schema_editor, "", f"DROP INDEX CONCURRENTLY {statement.name}")
    return bool(valid)


def _is_valid(connection: BaseDatabaseWrapper, index: str) -> bool | None:
    """Return None if there is no such index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [index]
        )
        row = cursor.fetchone()
    return None if row is None else bool(row[0])
