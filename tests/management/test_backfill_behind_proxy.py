"""`backfill` of a project whose application connects through PgBouncer.

The project has a way around it, `direct`, in DATABASES; whether it may be used is up to the setting
DIRECT.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from devtools.database_url import database_settings
from tests.support.pgbouncer import pgbouncer
from tests.support.project import Project
from tests.support.shop import insert_users, write_rename, write_shop

NAME = "shop.0003_rename_name_backfill"
DIRECT = {"DIRECT": {"default": "direct"}, "INLINE_BACKFILL_ROWS": 0}


@pytest.fixture
def behind_proxy(project: Project) -> Iterator[Project]:
    """The project, with a backfill of 100 rows."""
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
        yield project


def state(project: Project) -> tuple[str, int]:
    """Return what is said of the backfill through the proxy."""
    (backfill,) = json.loads(project.manage("backfill", "--list", "--json").stdout)["backfills"]
    return backfill["status"], backfill["rows_done"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_way_around_is_taken_by_all_workers(behind_proxy: Project, workers: str) -> None:
    backfilled = behind_proxy.manage("backfill", "--workers", workers, settings=DIRECT)
    assert "going around it by 'direct'" in backfilled.stderr
    assert state(behind_proxy) == ("succeeded", 100)
    assert behind_proxy.rows("SELECT count(*) FROM shop_user WHERE full_name IS NULL") == [(0,)]


def test_without_it_no_worker_begins(behind_proxy: Project) -> None:
    refused = behind_proxy.manage("backfill", "--workers", "2", check=False)
    assert refused.returncode == 1
    assert "and a worker of a backfill needs one. Nothing was done." in refused.stderr
    assert 'ZERO_DOWNTIME = {"DIRECT": {\'default\': "direct"}}' in refused.stderr
    assert 'ZERO_DOWNTIME = {"POOL_MODE": "session"}' in refused.stderr
    assert state(behind_proxy) == ("pending", 0)


def test_nor_is_anything_begun_again(behind_proxy: Project) -> None:
    behind_proxy.manage("backfill", settings=DIRECT)
    refused = behind_proxy.manage("backfill", NAME, "--repair", check=False)
    assert "a worker of a backfill needs one. Nothing was done." in refused.stderr
    assert state(behind_proxy) == ("succeeded", 100)


def test_where_nothing_is_to_be_done_no_session_is_needed(behind_proxy: Project) -> None:
    behind_proxy.manage("backfill", settings=DIRECT)
    assert "Nothing to do" in behind_proxy.manage("backfill").stdout


def test_nor_is_one_to_look_and_to_steer(behind_proxy: Project) -> None:
    assert f"{NAME}  pending" in behind_proxy.manage("backfill", "--dry-run").stdout
    assert "500" in behind_proxy.manage("backfill", NAME, "--tune", "--batch-size", "500").stdout
    for control, status in [("--pause", "paused"), ("--resume", "pending")]:
        behind_proxy.manage("backfill", NAME, control)
        assert state(behind_proxy) == (status, 0)
    compared = behind_proxy.manage("backfill", "--verify", check=False)
    assert "100 of 100 rows differ" in compared.stdout


def test_a_proxy_that_pools_sessions_is_as_good_as_none(behind_proxy: Project) -> None:
    with pgbouncer(behind_proxy.database_url, "session") as url:
        behind_proxy.add_settings(f"DATABASES['default'] = {database_settings(url)!r}")
        behind_proxy.manage("backfill", settings={"POOL_MODE": "session"})
        assert state(behind_proxy) == ("succeeded", 100)
