"""Old and new code write at the same time while a key gets a bigger type, there and back."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import key_writer
from tests.support.project import Project
from tests.support.rekeyed_shop import (
    FAMILY,
    insert_customers,
    key_types,
    write_bigger_keys,
    write_small_keys,
)
from tests.support.running_code import RunningCode
from tests.support.shop import applied

SETTINGS = {"INLINE_BACKFILL_ROWS": 100, "BATCH_MAX_ROWS": 200}
CUSTOMERS = 2000


def differing_rows(project: Project) -> int:
    """Return how many values are not the same as the hidden ones."""
    counts = [
        project.rows(
            f"SELECT count(*) FROM {table} WHERE {column} IS DISTINCT FROM zero_downtime_{column}"
        )
        for table, columns in FAMILY.items()
        for column in columns
    ]
    return sum(int(count) for ((count,),) in counts)


def test_there_and_back_nothing_is_lost_and_nobody_fails(project: Project, tmp_path: Path) -> None:
    write_small_keys(project)
    project.manage("migrate")
    insert_customers(project, CUSTOMERS)
    old_release = shutil.copytree(project.directory, tmp_path / "old_release")
    write_bigger_keys(project)
    codes = [
        RunningCode(project, old_release, key_writer),
        RunningCode(project, project.directory, key_writer),
    ]

    def serve_some_more() -> None:
        for code in codes:
            code.serve_some_more()

    def migrate_to(last: str, *arguments: str) -> None:
        project.manage("migrate", *arguments, settings=SETTINGS)
        assert applied(project)[-1] == last
        serve_some_more()

    serve_some_more()
    migrate_to("0003")
    project.manage("backfill", settings=SETTINGS)
    assert differing_rows(project) == 0
    migrate_to("0004")
    assert differing_rows(project) == 0
    migrate_to("0003", "shop", "0003")
    assert differing_rows(project) == 0
    migrate_to("0004")
    migrate_to("0005")
    migrate_to("0004", "shop", "0004")
    project.manage("backfill", settings=SETTINGS)
    serve_some_more()
    migrate_to("0001", "shop", "0001")

    written: dict[int, int] = {}
    for code in codes:
        written |= code.stop()
    assert key_types(project) == {table: {"integer"} for table in FAMILY}
    in_database = dict(project.rows("SELECT id, customer_id FROM shop_order"))
    assert {key: in_database[key] for key in written} == written
    untouched = f"SELECT count(*) FROM shop_order WHERE id <= {CUSTOMERS} AND customer_id = id"
    assert project.rows(untouched) == [(CUSTOMERS,)]
