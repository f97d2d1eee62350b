"""The witnessed shop, as a fixture for every executor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.databases import copied_database
from tests.support.project import Project
from tests.support.shop import write_rename, write_shop
from tests.support.witnessed_shop import witnessed_shop


@pytest.fixture(scope="package")
def original(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The database that each test gets a copy of."""
    with witnessed_shop(server_url, tmp_path_factory.mktemp("original")) as url:
        yield url


@pytest.fixture
def witnessed(server_url: str, original: str) -> Iterator[str]:
    """DATABASE_URL of this test's own copy."""
    with copied_database(server_url, original) as url:
        yield url


@pytest.fixture
def database_url(witnessed: str) -> str:
    """As everywhere: the database of `project` and `pg`."""
    return witnessed


@pytest.fixture
def shop(project: Project) -> Project:
    """The project, at the release whose backfill is registered."""
    write_shop(project)
    write_rename(project)
    return project
