"""`backfill` of a project whose application connects through PgBouncer."""

from __future__ import annotations

import json

import pytest

from devtools.database_url import database_settings
from tests.support.pgbouncer import pgbouncer
from tests.support.project import Project
from tests.support.shop import insert_users, write_rename, write_shop

DIRECT = {"DIRECT": {"default": "direct"}, "INLINE_BACKFILL_ROWS": 0}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_way_around_is_taken_by_all_workers(project: Project, workers: str) -> None:
    with pgbouncer(project.database_url) as url:
        databases = {
            "default": database_settings(url),
            "direct": database_settings(project.database_url),
        }
        project.add_settings(f"DATABASES = {databases!r}")
        write_shop(project)
        project.manage("migrate", settings=DIRECT)
        insert_users(project, 100)
        write_rename(project)
        project.manage("migrate", settings=DIRECT)
        backfilled = project.manage("backfill", "--workers", workers, settings=DIRECT)
        listing = project.manage("backfill", "--list", "--json", settings=DIRECT)
    assert "going around it by 'direct'" in backfilled.stderr
    (backfill,) = json.loads(listing.stdout)["backfills"]
    assert (backfill["status"], backfill["rows_done"]) == ("succeeded", 100)
    assert project.rows("SELECT count(*) FROM shop_user WHERE full_name IS NULL") == [(0,)]
