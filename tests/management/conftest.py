"""A shop that is in use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import copied_database, temporary_database
from tests.support.project import Project
from tests.support.shop import insert_users, write_shop


@pytest.fixture(scope="session")
def database_of_shop(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database to be copied, with the shop's first migration applied, and three users."""
    directory = tmp_path_factory.mktemp("shop")
    with temporary_database(server_url) as url, Project(directory, url) as project:
        write_shop(project)
        project.manage("migrate")
        insert_users(project, 3)
        yield url


@pytest.fixture
def shop(server_url: str, database_of_shop: str, tmp_path: Path) -> Iterator[Project]:
    """A shop whose first migration is applied, with three users."""
    with (
        copied_database(server_url, database_of_shop) as url,
        Project(tmp_path / "project", url) as project,
    ):
        write_shop(project)
        yield project
