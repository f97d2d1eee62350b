from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from devtools.database_url import database_settings
from tests.support.django_database import django_connected_to
from tests.support.pgbouncer import pgbouncer
from zero_downtime.postgres.poolers import is_behind_proxy, pools_transactions


@contextlib.contextmanager
def forwarder(database_url: str, directory: Path) -> Iterator[str]:
    """Pass on all bytes to the server; yield the database's URL by this way."""
    database = database_settings(database_url)
    server = f"{database['HOST']}/.s.PGSQL.{database['PORT'] or 5432}"

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        while data := source.recv(8192):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

    def serve_one_client() -> None:
        client, _ = listener.accept()
        with client, socket.socket(socket.AF_UNIX) as onward:
            onward.connect(server)
            answers = threading.Thread(target=pass_on, args=[onward, client])
            answers.start()
            pass_on(client, onward)
            answers.join()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / ".s.PGSQL.5432"))
        listener.listen()
        serving = threading.Thread(target=serve_one_client)
        serving.start()
        yield f"postgresql://{database['USER']}@/{database['NAME']}?host={directory}"
        serving.join()


def test_a_server_is_no_proxy(connection: BaseDatabaseWrapper) -> None:
    assert not is_behind_proxy(connection)
    assert not pools_transactions(connection)


@pytest.mark.parametrize("pool_mode", ["transaction", "session", "statement"])
def test_pgbouncer_is_a_proxy(
    pool_mode: str, database_url: str, django_db_blocker: DjangoDbBlocker
) -> None:
    with (
        django_db_blocker.unblock(),
        pgbouncer(database_url, pool_mode) as url,
        django_connected_to(url) as connection,
    ):
        assert is_behind_proxy(connection)


def test_what_only_passes_bytes_on_is_no_proxy(
    database_url: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    if not database_settings(database_url)["HOST"].startswith("/"):
        pytest.skip("DATABASE_URL is no server with a Unix socket, which the forwarder needs.")
    with (
        django_db_blocker.unblock(),
        forwarder(database_url, tmp_path) as url,
        django_connected_to(url) as connection,
    ):
        assert not is_behind_proxy(connection)


def test_a_proxy_is_one_whatever_has_gone_before(pooled: BaseDatabaseWrapper) -> None:
    assert is_behind_proxy(pooled)
    with transaction.atomic():
        assert is_behind_proxy(pooled)
    pooled.close()
    assert is_behind_proxy(pooled)


def test_a_proxy_is_taken_to_pool_transactions(pooled: BaseDatabaseWrapper) -> None:
    assert pools_transactions(pooled)


def test_unless_the_project_knows_better(pooled: BaseDatabaseWrapper) -> None:
    with override_settings(ZERO_DOWNTIME={"POOL_MODE": "session"}):
        assert not pools_transactions(pooled)
