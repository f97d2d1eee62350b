"""What is said of lock modes is what the server does."""

from __future__ import annotations

from itertools import product

import psycopg
import pytest
from psycopg.errors import LockNotAvailable

from tests.support.sessions import holding
from zero_downtime.postgres.lock_modes import Lock


def test_modes_conflict_as_they_do_on_the_server(pg: psycopg.Connection, database_url: str) -> None:
    pg.execute("CREATE TABLE t ()")
    pg.autocommit = False
    conflicting: dict[Lock, set[Lock]] = {mode: set() for mode in Lock}
    for mine, theirs in product(Lock, Lock):
        with holding(database_url, f"LOCK TABLE t IN {theirs.sql} MODE"):
            try:
                pg.execute(f"LOCK TABLE t IN {mine.sql} MODE NOWAIT".encode())
            except LockNotAvailable:
                conflicting[mine].add(theirs)
            pg.rollback()
    assert conflicting == {mode: set(mode.conflicting) for mode in Lock}


@pytest.mark.parametrize("mode", Lock)
def test_names_of_modes_are_those_of_pg_locks(pg: psycopg.Connection, mode: Lock) -> None:
    pg.execute("CREATE TABLE t ()")
    with pg.transaction():
        pg.execute(f"LOCK TABLE t IN {mode.sql} MODE".encode())
        held = "SELECT mode FROM pg_locks WHERE relation = 't'::regclass"
        assert pg.execute(held).fetchall() == [(mode.in_pg_locks,)]
