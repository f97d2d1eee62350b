"""The turn that `migrate` takes through a proxy that pools transactions."""

from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from zero_downtime.errors import Refused
from zero_downtime.guard.turn import KEY, TurnByTransaction


def is_free(pg: psycopg.Connection) -> bool:
    """Whether somebody who asks the server itself could have the turn."""
    row = pg.execute("SELECT pg_try_advisory_xact_lock(%s)", [KEY]).fetchone()
    assert row is not None
    return bool(row[0])


def end_of_transaction(pg: psycopg.Connection) -> None:
    """End the session that has the turn, as an administrator might, and wait for its end."""
    pg.execute(
        "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity "
        "WHERE application_name LIKE 'zero_downtime migrate %' AND datname = current_database()"
    )


def test_it_is_there_for_one(pooled: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    with TurnByTransaction(pooled):
        assert not is_free(pg)
        with (
            override_settings(ZERO_DOWNTIME={"MIGRATE_WAIT": 0}),
            pytest.raises(Refused, match="Another process migrates database 'default'"),
            TurnByTransaction(pooled),
        ):
            raise AssertionError("unreachable")
    assert is_free(pg)


def test_its_transaction_may_idle_for_as_long_as_it_likes(
    pooled: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    name = pg.info.dbname
    pg.execute(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '10s'".encode())
    try:
        with TurnByTransaction(pooled) as turn:
            with turn.keeper.cursor() as cursor:
                cursor.execute("SHOW idle_in_transaction_session_timeout")
                assert cursor.fetchone() == ("0",)
            assert not is_free(pg)
    finally:
        pg.execute(f"ALTER DATABASE {name} RESET idle_in_transaction_session_timeout".encode())


def test_it_is_taken_again_when_it_was_lost(
    pooled: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    with TurnByTransaction(pooled) as turn:
        end_of_transaction(pg)
        assert is_free(pg)
        turn.confirm()
        assert not is_free(pg)


def test_unless_it_is_somebody_elses_by_then(
    pooled: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    with TurnByTransaction(pooled) as turn:
        end_of_transaction(pg)
        with pg.transaction():
            assert is_free(pg)
            with pytest.raises(Refused, match="another process has begun to migrate it: pid "):
                turn.confirm()
