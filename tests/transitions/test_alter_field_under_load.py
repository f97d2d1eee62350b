"""Old and new code write at the same time while a type changes, there and back."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import writer
from tests.support.project import Project
from tests.support.retyped_shop import insert_ages, write_retyping, write_untyped_shop
from tests.support.running_code import RunningCode
from tests.support.shop import applied, columns

SETTINGS = {"INLINE_BACKFILL_ROWS": 100, "BATCH_MAX_ROWS": 200}
INT, BIGINT = "models.IntegerField(db_index=True)", "models.BigIntegerField(db_index=True)"


def differing_rows(project: Project) -> int:
    ((count,),) = project.rows(
        "SELECT count(*) FROM shop_user WHERE age IS DISTINCT FROM zero_downtime_age"
    )
    return int(count)


def test_there_and_back_nothing_is_lost_and_nobody_fails(project: Project, tmp_path: Path) -> None:
    write_untyped_shop(project, INT)
    project.manage("migrate")
    insert_ages(project, *range(3000))
    old_release = shutil.copytree(project.directory, tmp_path / "old_release")
    write_retyping(project, BIGINT)
    codes = [
        RunningCode(project, old_release, writer, "age", "integer"),
        RunningCode(project, project.directory, writer, "age", "integer"),
    ]

    def serve_some_more() -> None:
        for code in codes:
            code.serve_some_more()

    serve_some_more()
    project.manage("migrate", settings=SETTINGS)
    assert applied(project)[-1] == "0003"
    serve_some_more()
    project.manage("backfill", settings=SETTINGS)
    serve_some_more()
    assert differing_rows(project) == 0
    project.manage("migrate", settings=SETTINGS)
    assert applied(project)[-1] == "0004"
    serve_some_more()
    assert differing_rows(project) == 0
    project.manage("migrate", "shop", "0003", settings=SETTINGS)
    serve_some_more()
    assert differing_rows(project) == 0
    for last in ("0004", "0005"):
        project.manage("migrate", settings=SETTINGS)
        assert applied(project)[-1] == last
        serve_some_more()
    project.manage("migrate", "shop", "0004", settings=SETTINGS)
    serve_some_more()
    project.manage("backfill", settings=SETTINGS)
    serve_some_more()
    project.manage("migrate", "shop", "0001", settings=SETTINGS)
    serve_some_more()

    written: dict[int, int] = {}
    for code in codes:
        written |= code.stop()
    assert columns(project) == ["id", "name", "age"]
    in_database = dict(project.rows("SELECT id, age FROM shop_user"))
    assert {key: in_database[key] for key in written} == written
    assert project.rows("SELECT count(*) FROM shop_user WHERE age IS NULL") == [(0,)]
    untouched = "SELECT count(*) FROM shop_user WHERE id BETWEEN 202 AND 3000 AND age = id - 1"
    assert project.rows(untouched) == [(2799,)]
