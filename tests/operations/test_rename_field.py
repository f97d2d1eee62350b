"""Renaming a field over two deploys, as a user types it."""

from __future__ import annotations

import json

from tests.support.project import Project
from tests.support.shop import applied, columns, insert_users, write_rename, write_shop

NO_WAITING = {"CONTRACT_QUIET": 0}


def test_a_fresh_database_gets_everything_in_one_go(project: Project) -> None:
    write_shop(project)
    write_rename(project)

    project.manage("migrate")

    assert applied(project) == ["0001", "0002", "0003", "0004"]
    assert columns(project) == ["id", "full_name", "age"]


def test_the_whole_way_on_a_table_with_rows(project: Project) -> None:
    write_shop(project)
    project.manage("migrate")
    insert_users(project, 1000)
    write_rename(project)

    first = project.manage("migrate", settings={**NO_WAITING, "INLINE_BACKFILL_ROWS": 100})
    assert applied(project) == ["0001", "0002", "0003"]
    assert columns(project) == ["id", "name", "age", "full_name"]
    assert "shop.0004_rename_name_contract" in first.stdout
    assert "manage.py backfill shop.0003_rename_name_backfill" in first.stdout

    second = project.manage("migrate", settings=NO_WAITING)
    assert applied(project) == ["0001", "0002", "0003"]
    assert "backfill shop.0003_rename_name_backfill is pending" in second.stdout

    project.manage("backfill")
    assert project.rows("SELECT count(*) FROM shop_user WHERE name <> full_name") == [(0,)]
    (listed,) = json.loads(project.manage("backfill", "--list", "--json").stdout)["backfills"]
    assert (listed["status"], listed["rows_done"]) == ("succeeded", 1000)

    project.manage("migrate", settings=NO_WAITING)
    assert applied(project) == ["0001", "0002", "0003", "0004"]
    assert columns(project) == ["id", "full_name", "age"]
    assert project.rows("SELECT full_name FROM shop_user WHERE id = 7") == [("name 7",)]
