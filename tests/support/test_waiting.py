from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.waiting import wait_for, wait_until_blocked


def test_result_of_the_condition_is_returned() -> None:
    answers = iter([None, "", "yes"])
    assert wait_for(lambda: next(answers), "an answer") == "yes"


def test_deadline_says_what_did_not_happen() -> None:
    with pytest.raises(TimeoutError, match="for pigs to fly"):
        wait_for(lambda: False, "pigs to fly", deadline=0)


def test_blocked_backend_and_its_blocker(pg: psycopg.Connection, database_url: str) -> None:
    pg.execute("CREATE TABLE t ()")
    with (
        ThreadPoolExecutor(1) as background,
        psycopg.connect(database_url, autocommit=True) as waiter,
        psycopg.connect(database_url) as holder,
    ):
        holder.execute("LOCK TABLE t")
        select = background.submit(waiter.execute, "SELECT * FROM t")
        assert wait_until_blocked(pg, waiter.info.backend_pid) == [holder.info.backend_pid]
        holder.rollback()
        assert select.result().fetchall() == []
