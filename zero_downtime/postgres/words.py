"""The words of a piece of SQL, told from its comments, and what those at the beginning say."""

from __future__ import annotations

from collections.abc import Collection, Iterator

_BEGINS = ("BEGIN", "START")
_ENDS = ("COMMIT", "END", "ROLLBACK", "ABORT")
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
    statements = _statements(sql)
    return bool(statements) and all(
        each[0] in ("SET", "RESET") and _FOR_THE_TRANSACTION.isdisjoint(each[1:2])
        for each in statements
    )


def ends_transaction(sql: str) -> bool:
    """Whether a statement of `sql` ends the transaction that it is in, with or without success."""
    return _mentions(sql, _ENDS) and any(map(_is_end, _statements(sql)))


def goes_on_after_transaction(sql: str) -> bool:
    """Whether a statement of `sql` ends a transaction, and another one stands behind it."""
    return _mentions(sql, _ENDS) and any(map(_is_end, _statements(sql)[:-1]))


def opens_transaction(sql: str) -> bool:
    """Whether `sql` begins with the begin of a transaction that it does not end."""
    return (
        _mentions(sql, _BEGINS)
        and next(words_of(sql), "").upper() in _BEGINS
        and not ends_transaction(sql)
    )


def sets_transaction(sql: str) -> bool:
    """Whether `sql` says what the transaction is like, which no query may come before."""
    return _mentions(sql, ("TRANSACTION",)) and all(
        each[:2] == ["SET", "TRANSACTION"] for each in _statements(sql)
    )


def _mentions(sql: str, words: Collection[str]) -> bool:
    """Look at it from afar: looking closer takes a hundred times as long."""
    text = sql.upper()
    return any(word in text for word in words)


def _statements(sql: str) -> list[list[str]]:
    """Return the words of each statement, in upper case."""
    statements: list[list[str]] = [[]]
    for word in words_of(sql):
        if word == ";":
            statements.append([])
        else:
            statements[-1].append(word.upper())
    return [each for each in statements if each]


def _is_end(statement: list[str]) -> bool:
    return statement[0] in _ENDS and "TO" not in statement  # a savepoint
