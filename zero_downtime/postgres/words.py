"""The words of a piece of SQL, told from its comments, and what those at the beginning say."""

from __future__ import annotations

from collections.abc import Iterator

# SET behind which these stand ends with the transaction.
_FOR_THE_TRANSACTION = {"LOCAL", "CONSTRAINTS", "TRANSACTION"}


def words_of(sql: str) -> Iterator[str]:
    """Yield the words, names, texts and signs of `sql`, as they are written."""
    # Few migrations have SQL that somebody has to look into.
    from sqlparse.lexer import tokenize
    from sqlparse.tokens import Comment, Whitespace

    for kind, word in tokenize(sql):  # type: ignore[no-untyped-call]
        if kind not in Whitespace and kind not in Comment:
            yield word


def only_sets_session(sql: str) -> bool:
    """Whether each statement of `sql` sets, or resets, what lasts as long as the session."""
    words = [";", *map(str.upper, words_of(sql)), ";"]
    beginnings = [
        (first, second)
        for before, first, second in zip(words, words[1:], words[2:], strict=False)
        if before == ";" != first
    ]
    return bool(beginnings) and all(
        first in ("SET", "RESET") and second not in _FOR_THE_TRANSACTION
        for first, second in beginnings
    )


def ends_transaction(sql: str) -> bool:
    """Whether a statement of `sql` commits the transaction that it is in."""
    text = sql.upper()
    if "COMMIT" not in text and "END" not in text:  # looking closer takes its time
        return False
    before = ";"
    for word in words_of(text):
        if before == ";" and word in ("COMMIT", "END"):
            return True
        before = word
    return False


def opens_transaction(sql: str) -> bool:
    """Whether `sql` begins with the begin of a transaction that it does not end."""
    return next(words_of(sql), "").upper() in ("BEGIN", "START") and not ends_transaction(sql)
