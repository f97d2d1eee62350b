"""PostgreSQL's own parser, and what keeps it from reading a text."""

from __future__ import annotations

import json
from typing import Any

import postgast
from google.protobuf.message import DecodeError
from postgast import PgQueryError
from postgast.pg_query_pb2 import RawStmt


class Unreadable(Exception):
    """The parser does not understand the text; the message says why."""


def read(sql: str) -> list[RawStmt]:
    if "\0" in sql:
        raise Unreadable("it contains a NUL character")
    try:
        return list(postgast.parse(sql).stmts)
    except (PgQueryError, UnicodeEncodeError) as error:
        raise Unreadable(f"it does not parse: {error}") from error
    except DecodeError as error:
        raise Unreadable("it is nested too deeply") from error


def read_block(body: str) -> Any:
    """Return the parse tree of a block in PL/pgSQL, in which SQL stands as a text."""
    quoted = body.replace("'", "''")
    try:
        return postgast.parse_plpgsql(f"do '{quoted}'")
    except (PgQueryError, UnicodeError, json.JSONDecodeError) as error:
        raise Unreadable(f"it does not parse: {error}") from error
