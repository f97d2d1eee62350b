"""Old and new code write at the same time while the rename goes through all its phases."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.project import Project
from tests.support.running_code import Writer
from tests.support.shop import applied, columns, insert_users, write_rename, write_shop

SETTINGS = {"INLINE_BACKFILL_ROWS": 100, "CONTRACT_QUIET": 0, "BATCH_MAX_ROWS": 200}


def differing_rows(project: Project) -> int:
    ((count,),) = project.rows(
        "SELECT count(*) FROM shop_user WHERE name IS DISTINCT FROM full_name"
    )
    return int(count)


def test_nothing_is_lost_and_nobody_fails(project: Project, tmp_path: Path) -> None:
    write_shop(project)
    project.manage("migrate")
    insert_users(project, 5000)
    old_release = shutil.copytree(project.directory, tmp_path / "old_release")
    old_code = Writer(project, old_release, "name")
    old_code.serve_some_more()

    write_rename(project)
    project.manage("migrate", settings=SETTINGS)
    assert columns(project) == ["id", "name", "age", "full_name"]
    old_code.serve_some_more()

    new_code = Writer(project, project.directory, "full_name")
    new_code.serve_some_more()
    project.manage("backfill", settings=SETTINGS)
    old_code.serve_some_more()
    new_code.serve_some_more()
    assert differing_rows(project) == 0

    written = old_code.stop()
    new_code.serve_some_more()
    project.manage("migrate", settings=SETTINGS)
    assert applied(project)[-1] == "0004"
    new_code.serve_some_more()
    written |= new_code.stop()

    in_database = dict(project.rows("SELECT id, full_name FROM shop_user"))
    assert {key: in_database[key] for key in written} == written
    untouched = "SELECT count(*) FROM shop_user WHERE full_name = 'name ' || id"
    assert project.rows(untouched)[0][0] >= 4700
    assert project.rows("SELECT count(*) FROM shop_user WHERE full_name IS NULL") == [(0,)]


def test_going_back_under_load_keeps_what_new_code_wrote(project: Project, tmp_path: Path) -> None:
    write_shop(project)
    project.manage("migrate")
    insert_users(project, 500)
    old_release = shutil.copytree(project.directory, tmp_path / "old_release")
    write_rename(project)
    project.manage("migrate", settings=SETTINGS)
    old_code = Writer(project, old_release, "name")
    new_code = Writer(project, project.directory, "full_name")
    new_code.serve_some_more()
    written = new_code.stop()

    project.manage("migrate", "shop", "0001", settings=SETTINGS)

    old_code.serve_some_more()
    written |= old_code.stop()
    assert columns(project) == ["id", "name", "age"]
    in_database = dict(project.rows("SELECT id, name FROM shop_user"))
    assert {key: in_database[key] for key in written} == written
    assert project.rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert project.rows("SELECT proname FROM pg_proc WHERE proname LIKE '%zero_downtime%'") == []
