"""A primary with a replica, and a clock."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from devtools.embedded_postgres import PostgresUnavailableError
from tests.support.clock import Clock
from tests.support.django_database import django_connected_to
from tests.support.replica import Replicated, replicated_server


@pytest.fixture
def clock() -> Clock:
    """Time that passes when the test says so."""
    return Clock()


@pytest.fixture(scope="package")
def _replicated() -> Iterator[Replicated]:
    try:
        with replicated_server() as replicated:
            yield replicated
    except PostgresUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def replicated(_replicated: Replicated) -> Iterator[Replicated]:
    """A primary and its streaming replica, which is up to date and goes on replaying."""
    _replicated.wait_until_replayed()
    yield _replicated
    _replicated.resume_replay()


@pytest.fixture
def primary(replicated: Replicated) -> Iterator[psycopg.Connection]:
    """An autocommit connection to the primary, with an empty table `written`."""
    with psycopg.connect(replicated.primary_url, autocommit=True) as primary:
        primary.execute("CREATE TABLE written (text text)")
        yield primary
        primary.execute("DROP TABLE written")


@pytest.fixture
def to_primary(
    replicated: Replicated, django_db_blocker: DjangoDbBlocker
) -> Iterator[BaseDatabaseWrapper]:
    """Django's default connection, to the primary."""
    with django_db_blocker.unblock(), django_connected_to(replicated.primary_url) as connection:
        yield connection
