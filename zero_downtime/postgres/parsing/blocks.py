"""DO blocks in PL/pgSQL: the SQL that stands in them is seen, what they compose is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from postgast.pg_query_pb2 import DoStmt

from zero_downtime.postgres.parsing.reading import Unreadable, read, read_block
from zero_downtime.postgres.statements import Brief, Opaque, Statement

_PARSE_EXPRESSION, _PARSE_ASSIGNMENT = 2, 3
_ENDS_TRANSACTION = {"PLpgSQL_stmt_commit": "COMMIT", "PLpgSQL_stmt_rollback": "ROLLBACK"}
_COMPOSES = ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors")
# Loops that end when there are no more rows, not after so many rounds.
_LOOPS = tuple(f"PLpgSQL_stmt_{kind}" for kind in ("loop", "while", "fors", "forc", "dynfors"))


@dataclass(frozen=True)
class StaticSQL:
    """SQL that stands in a block."""

    text: str
    repeated: bool
    """It runs in a loop that does not commit: what few rows it concerns each time add up."""


def parts_of_block(block: DoStmt) -> Iterator[StaticSQL | Statement]:
    """Yield each SQL statement that stands in the block, and what else it does."""
    options = {node.def_elem.defname: node.def_elem.arg.string.sval for node in block.args}
    if options.get("language", "plpgsql") != "plpgsql":
        yield Opaque("", f"a DO block in {options['language']} cannot be looked into")
        return
    try:
        yield from _parts(read_block(options["as"]))
    except Unreadable as error:
        yield Opaque("", f"the DO block cannot be looked into: {error}")


def _parts(tree: Any, repeated: bool = False) -> Iterator[StaticSQL | Statement]:
    if isinstance(tree, list):
        for item in tree:
            yield from _parts(item, repeated)
    elif isinstance(tree, dict):
        for kind, content in tree.items():
            yield from _part(kind, content, repeated)


def _part(kind: str, content: Any, repeated: bool) -> Iterator[StaticSQL | Statement]:
    if kind in _LOOPS:
        repeated = repeated or not _ends_transactions(content)
    if kind in _ENDS_TRANSACTION:
        yield Brief("", _ENDS_TRANSACTION[kind], alone=True)
    elif kind == "PLpgSQL_expr":
        yield StaticSQL(_sql(content), repeated)
    elif kind in _COMPOSES:
        yield _composed(content["query"]["PLpgSQL_expr"]["query"], repeated)
        yield from _parts(content.get("body"), repeated)
    else:
        yield from _parts(content, repeated)


def _ends_transactions(tree: Any) -> bool:
    return any(isinstance(part, Brief) for part in _parts(tree))


def _sql(expression: dict[str, Any]) -> str:
    """Return the expression as a statement that can be parsed."""
    text: str = expression["query"]
    if expression["parseMode"] == _PARSE_EXPRESSION:
        return f"SELECT {text}"
    if expression["parseMode"] == _PARSE_ASSIGNMENT:
        _, _, value = text.partition("=")
        return f"SELECT {value}"
    return text


def _composed(text: str, repeated: bool) -> StaticSQL | Statement:
    """Return the SQL that EXECUTE runs, if it is a mere literal."""
    (statement,) = read(f"SELECT {text}")
    value = statement.stmt.select_stmt.target_list[0].res_target.val
    if value.a_const.HasField("sval"):
        return StaticSQL(value.a_const.sval.sval, repeated)
    return Opaque("", f"EXECUTE runs what is composed only then: {text}")
