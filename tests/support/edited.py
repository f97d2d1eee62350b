"""A shop whose second migration was edited after it was applied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.databases import copied_database, temporary_database
from tests.support.project import Project
from tests.support.shop import write_shop

AFTER_INITIAL = [("shop", "0001_initial")]
NOTE = 'migrations.AddField("user", "note", models.CharField(max_length={}, null=True)),'


def write_note(project: Project, *, length: int) -> None:
    """Write the second migration; it is what was applied with a length of 10."""
    project.write_migration("0002_note", NOTE.format(length), AFTER_INITIAL)


@contextmanager
def applied(server_url: str, directory: Path) -> Iterator[str]:
    """Yield the URL of a database for `edited`, in which both migrations are applied."""
    with temporary_database(server_url) as url, Project(directory, url) as project:
        write_shop(project)
        write_note(project, length=10)
        project.manage("migrate")
        yield url


@contextmanager
def edited(server_url: str, original: str, directory: Path) -> Iterator[Project]:
    """Yield a shop on a copy of the database, in which the note has another length."""
    with copied_database(server_url, original) as url, Project(directory, url) as project:
        write_shop(project)
        write_note(project, length=20)
        yield project
