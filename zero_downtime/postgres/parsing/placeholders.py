"""The placeholders of parameters, as psycopg knows them: %s, %b, %t, %(name)s and %%."""

from __future__ import annotations

_FORMATS = ("s", "b", "t")
# A constant wherever one may stand, even within a literal or beside COMMENT ... IS.
_CONSTANT = "''"


def without_placeholders(sql: str) -> str:
    """Put a constant for each placeholder, so that PostgreSQL's parser can read the text.

    All places in it stay where they are. psycopg looks for placeholders in literals and comments
    as well. `%%` stays: as an operator, or in a literal, it parses like `%`.
    """
    pieces = []
    rest = sql
    while rest:
        before, percent, rest = rest.partition("%")
        pieces.append(before)
        placeholder = percent + _after_percent(rest)
        rest = rest[len(placeholder) - len(percent) :]
        is_value = placeholder.endswith(_FORMATS)
        pieces.append(_CONSTANT.ljust(len(placeholder)) if is_value else placeholder)
    return "".join(pieces)


def _after_percent(rest: str) -> str:
    """Return how the placeholder goes on, or "%" if the percent sign is doubled."""
    if rest.startswith(("%", *_FORMATS)):
        return rest[0]
    name, closing, after = rest.partition(")")
    if rest.startswith("(") and closing and after.startswith(_FORMATS):
        return name + closing + after[0]
    return ""
