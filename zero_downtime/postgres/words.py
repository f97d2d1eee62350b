"""The words of a piece of SQL, told from its comments; nothing is made of what they say."""

from __future__ import annotations

from collections.abc import Iterator


def words_of(sql: str) -> Iterator[str]:
    """Yield the words, names, texts and signs of `sql`, as they are written."""
    # Few migrations have SQL that somebody has to look into.
    from sqlparse.lexer import tokenize
    from sqlparse.tokens import Comment, Whitespace

    for kind, word in tokenize(sql):  # type: ignore[no-untyped-call]
        if kind not in Whitespace and kind not in Comment:
            yield word
