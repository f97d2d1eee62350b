from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from devtools.database_url import database_settings
from tests.support.pgbouncer import pgbouncer


def server_session(client: psycopg.Connection) -> int:
    (pid,) = client.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    return int(pid)


def test_clients_share_a_session_of_the_server_by_transactions(database_url: str) -> None:
    with (
        pgbouncer(database_url) as url,
        psycopg.connect(url, autocommit=True) as one,
        psycopg.connect(url, autocommit=True) as other,
    ):
        shared = server_session(one)
        with other.transaction():
            assert server_session(other) == shared
            assert server_session(one) != shared


def test_in_session_mode_each_client_has_its_own(database_url: str) -> None:
    with (
        pgbouncer(database_url, pool_mode="session") as url,
        psycopg.connect(url, autocommit=True) as one,
        psycopg.connect(url, autocommit=True) as other,
    ):
        own = server_session(one)
        assert server_session(other) != own
        assert server_session(one) == own


def test_it_ends_with_the_block(database_url: str) -> None:
    with pgbouncer(database_url) as url:
        directory = Path(database_settings(url)["HOST"])
        assert directory.exists()
    assert not directory.exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_settings_that_it_does_not_take_are_shown(database_url: str) -> None:
    with (
        pytest.raises(RuntimeError, match="no_such_mode"),
        pgbouncer(database_url, pool_mode="no_such_mode"),
    ):
        pass
