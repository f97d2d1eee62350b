"""DO blocks in PL/pgSQL: the statements that stand in them are seen, those they compose are not."""

from __future__ import annotations

from collections.abc import Iterator

from postgast.pg_query_pb2 import DoStmt

from zero_downtime.postgres.statements import Opaque, Statement


def do_block(statement: DoStmt) -> Iterator[Statement]:
    yield Opaque("", "a DO block cannot be looked into")
