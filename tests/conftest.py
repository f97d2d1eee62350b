"""One PostgreSQL server for the whole run, and a database of its own for each test that asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from devtools.database_url import database_settings
from devtools.embedded_postgres import EmbeddedPostgres
from tests.support.databases import empty, temporary_database
from tests.support.django_database import django_connected_to
from tests.support.edited import applied, edited
from tests.support.examples import load_profile
from tests.support.pgbouncer import pgbouncer
from tests.support.project import Project

# Nobody minds losing these databases in a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

load_profile()


def pytest_configure(config: pytest.Config) -> None:
    """Start a server unless DATABASE_URL names one; xdist's workers inherit its DATABASE_URL.

    Not in a fixture: pytest-django reads the settings and calls ``django.setup()`` before any runs.
    """
    if "DATABASE_URL" in os.environ:
        return
    server = EmbeddedPostgres(config=FAST)
    server.start()
    config.add_cleanup(server.stop)
    os.environ["DATABASE_URL"] = server.url
    settings.DATABASES["default"].update(database_settings(server.url))


@pytest.fixture(scope="session")
def server_url() -> str:
    """DATABASE_URL of the server that the tests run on."""
    return os.environ["DATABASE_URL"]


@pytest.fixture(scope="session")
def _database_of_this_process(server_url: str) -> Iterator[str]:
    with temporary_database(server_url) as url:
        yield url


@pytest.fixture
def database_url(_database_of_this_process: str) -> str:
    """DATABASE_URL of an empty database that only this test uses.

    It is emptied, not created: that would be hundreds of files for each test.
    """
    empty(_database_of_this_process)
    return _database_of_this_process


@pytest.fixture
def pg(database_url: str) -> Iterator[psycopg.Connection]:
    """An autocommit connection to this test's own database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def connection(
    database_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[BaseDatabaseWrapper]:
    """Django's default connection, to this test's own database, which is empty."""
    with django_db_blocker.unblock(), django_connected_to(database_url) as connection:
        yield connection


@pytest.fixture
def pooled(database_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """Django's default connection, through a PgBouncer that pools transactions."""
    with (
        django_db_blocker.unblock(),
        pgbouncer(database_url) as url,
        django_connected_to(url) as connection,
    ):
        yield connection


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> Iterator[Project]:
    """A small Django project with this test's own database; see ``tests.support.project``."""
    with Project(tmp_path / "project", database_url) as project:
        yield project


@pytest.fixture(scope="session")
def _database_of_edited_shop(
    server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with applied(server_url, tmp_path_factory.mktemp("edited")) as url:
        yield url


@pytest.fixture
def edited_shop(
    server_url: str, _database_of_edited_shop: str, tmp_path: Path
) -> Iterator[Project]:
    """A shop whose two migrations are applied, and the second one edited since."""
    with edited(server_url, _database_of_edited_shop, tmp_path / "project") as shop:
        yield shop
