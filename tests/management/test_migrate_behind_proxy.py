"""`migrate` of a project whose application connects through PgBouncer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from devtools.database_url import database_settings
from tests.support.pgbouncer import pgbouncer
from tests.support.project import Project


@pytest.fixture
def behind_proxy(project: Project) -> Iterator[Project]:
    """The project, with a proxy that pools transactions, and `direct` as the way around it."""
    with pgbouncer(project.database_url) as url:
        databases = {
            "default": database_settings(url),
            "direct": database_settings(project.database_url),
        }
        project.add_settings(f"DATABASES = {databases!r}")
        yield project


def write_book_with_index(project: Project) -> None:
    project.write_migration(
        "0001_initial",
        """
        migrations.CreateModel("Book", [
            ("id", models.BigAutoField(primary_key=True)),
            ("title", models.CharField(max_length=20)),
        ]),
        """,
    )
    project.write_migration(
        "0002_index",
        'zd.AddIndexConcurrently("book", models.Index(fields=["title"], name="by_title")),',
        dependencies=[("shop", "0001_initial")],
        atomic=False,
    )


def test_what_was_migrated_by_the_direct_way_is_migrated(behind_proxy: Project) -> None:
    write_book_with_index(behind_proxy)
    behind_proxy.manage("migrate", "--database", "direct")
    assert behind_proxy.rows("SELECT 'by_title'::regclass::text") == [("by_title",)]
    assert "No migrations to apply" in behind_proxy.manage("migrate").stdout
    history = json.loads(behind_proxy.manage("migrate", "--history", "--json").stdout)
    assert [entry["name"] for entry in history["migrations"] if entry["app"] == "shop"] == [
        "0001_initial",
        "0002_index",
    ]
