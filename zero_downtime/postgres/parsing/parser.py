"""Where the statements of a text begin and end, and what they do."""

from __future__ import annotations

import postgast
from postgast import pg_query_pb2 as pg

from zero_downtime.postgres.parsing import Parsed
from zero_downtime.postgres.parsing.reading import Unreadable, read
from zero_downtime.postgres.parsing.translators import translate
from zero_downtime.postgres.statements import Opaque

_COMMENTS = (pg.SQL_COMMENT, pg.C_COMMENT)


def parsed(sql: str, readable: str) -> list[Parsed]:
    """Parse `readable`, in which all stands where it stands in `sql`, but without placeholders."""
    try:
        statements = read(readable)
    except Unreadable as error:
        return [Parsed((Opaque("", str(error)),), sql.strip(), len(sql) - len(sql.lstrip()))]
    # The parser counts bytes.
    encoded = readable.encode()
    found = []
    for raw in statements:
        begin = raw.stmt_location
        end = begin + raw.stmt_len if raw.stmt_len else len(encoded)
        offset = len(encoded[:begin].decode())
        length = len(_without_comments_behind(encoded[begin:end]).decode())
        text = sql[offset : offset + length]
        found.append(Parsed(tuple(translate(raw.stmt)), text, offset))
    return found


def _without_comments_behind(statement: bytes) -> bytes:
    if b"--" not in statement and b"/*" not in statement:
        return statement.rstrip()
    tokens = postgast.scan(statement.decode()).tokens
    return statement[: max(token.end for token in tokens if token.token not in _COMMENTS)]
