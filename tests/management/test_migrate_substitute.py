"""`SUBSTITUTE`: safe operations for those of installed packages."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.support.project import Project
from tests.support.sessions import holding
from tests.support.shop import write_shop
from tests.support.waiting import wait_for

CREATE_PARCEL = """
    migrations.CreateModel(
        "Parcel",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("note", models.TextField(null=True)),
            ("weight", models.IntegerField(default=0)),
        ],
    ),
"""
ADD_INDEX = 'migrations.AddIndex("parcel", models.Index(fields=["weight"], name="weight_idx")),'
ADD_FIELD = 'migrations.AddField("parcel", "label", models.TextField(null=True)),'
REMOVE_FIELD = 'migrations.RemoveField("parcel", "note"),'
BUILDING = "query LIKE 'CREATE INDEX CONCURRENTLY%%' AND state = 'active'"
SUBSTITUTE = {"SUBSTITUTE": ["parcels"]}


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop that has installed a package, whose table has a row."""
    write_shop(project)
    project.write("site-packages/parcels/__init__.py")
    project.write("site-packages/parcels/migrations/__init__.py")
    project.add_settings(
        "import sys\nsys.path.append('site-packages')\nINSTALLED_APPS.append('parcels')"
    )
    write_release(project, "0001_initial", CREATE_PARCEL)
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute("INSERT INTO parcels_parcel (weight) VALUES (1)")
    return project


def write_release(project: Project, name: str, operations: str, after: str | None = None) -> None:
    """Write what a new version of the package brings."""
    dependencies = [("parcels", after)] if after else []
    project.write_migration(name, operations, dependencies, app="site-packages/parcels")


def applied(project: Project) -> list[str]:
    query = "SELECT left(name, 4) FROM django_migrations WHERE app = 'parcels' ORDER BY name"
    return [number for (number,) in project.rows(query)]


def migrate(shop: Project, *arguments: str, **options: Any) -> Any:
    return shop.manage("migrate", *arguments, settings=SUBSTITUTE, **options)


def test_the_plan_says_what_is_substituted_by_what(shop: Project) -> None:
    write_release(shop, "0002_index", f"{ADD_FIELD} {ADD_INDEX}", "0001_initial")
    plan = migrate(shop, "--plan").stdout
    _, _, becomes = plan.partition("What becomes of them:\n")
    assert [line.strip() for line in becomes.splitlines()] == [
        "parcels.0002_index (expand): runs, with safe operations in the place of its own",
        "Create index weight_idx on field(s) weight of model parcel: by AddIndexConcurrently",
    ]
    assert applied(shop) == ["0001"]


def test_users_go_on_writing_while_the_index_of_a_package_is_built(shop: Project) -> None:
    """A plain CREATE INDEX would stop all writes behind the open transaction that it waits for."""
    write_release(shop, "0002_index", ADD_INDEX, "0001_initial")
    insert = "INSERT INTO parcels_parcel (weight) VALUES (2)"
    observer = shop.connect()
    with holding(shop.database_url, insert) as writer:
        process = shop.start("migrate", settings=SUBSTITUTE)
        builder = f"SELECT %s = ANY (pg_blocking_pids(pid)) FROM pg_stat_activity WHERE {BUILDING}"
        wait_for(
            lambda: observer.execute(builder, [writer.info.backend_pid]).fetchone() == (True,),
            "the index to be built",
        )
        with psycopg.connect(shop.database_url, options="-c lock_timeout=2s") as user:
            user.execute(insert)
        writer.rollback()
        _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert applied(shop) == ["0001", "0002"]
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'weight_idx'::regclass"
    assert shop.rows(valid) == [(True,)]


def test_the_state_is_what_it_would_have_been(shop: Project) -> None:
    """Later migrations, and going back, build on it."""
    write_release(shop, "0002_index", f"{ADD_FIELD} {ADD_INDEX}", "0001_initial")
    write_release(
        shop,
        "0003_less",
        'migrations.RemoveIndex("parcel", "weight_idx"),',
        "0002_index",
    )
    migrate(shop)
    assert applied(shop) == ["0001", "0002", "0003"]
    assert shop.rows("SELECT count(*), count(label) FROM parcels_parcel") == [(1, 0)]
    migrate(shop, "parcels", "0001")
    assert applied(shop) == ["0001"]


def test_an_operation_that_django_puts_before_it_is_not_taken_for_it(shop: Project) -> None:
    """With content types, a model that is renamed brings another operation."""
    shop.add_settings("INSTALLED_APPS.append('django.contrib.contenttypes')")
    label = '("id", models.BigAutoField(primary_key=True))'
    write_release(
        shop, "0002_label", f'migrations.CreateModel("Label", [{label}]),', "0001_initial"
    )
    migrate(shop)
    rename = 'migrations.RenameModel("Label", "Sticker"),'
    write_release(shop, "0003_sticker", f"{rename} {ADD_INDEX}", "0002_label")
    migrate(shop)
    *_, last = json.loads(shop.manage("migrate", "--history", "--json").stdout)["migrations"]
    said = [operation["description"] for operation in last["operations"]]
    assert said[0] == "Rename model Label to Sticker"
    assert said[2] == "Custom state/database change combination"


def test_what_cannot_be_done_in_one_deploy_is_refused(shop: Project) -> None:
    write_release(shop, "0002_less", f"{ADD_INDEX} {REMOVE_FIELD}", "0001_initial")
    result = migrate(shop, check=False)
    assert result.returncode == 1
    assert "parcels.0002_less: ZD202 remove-field-breaks-old-code" in result.stderr
    assert "ZD101" not in result.stderr  # the index is not the problem
    assert "Of parcels (SUBSTITUTE), only what can be done safely within one deploy" in (
        result.stderr
    )
    assert applied(shop) == ["0001"]

    migrate(shop, "--unsafe", "nobody reads it")
    assert applied(shop) == ["0001", "0002"]


def test_a_table_without_rows_gets_what_the_package_says(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("TRUNCATE parcels_parcel")
    write_release(shop, "0002_index", ADD_INDEX, "0001_initial")
    assert "parcels.0002_index (expand): runs\n" in migrate(shop, "--plan").stdout


def test_nobody_asked_for_it(shop: Project) -> None:
    """Then packages are left alone, as they cannot be edited."""
    write_release(shop, "0002_less", f"{ADD_INDEX} {REMOVE_FIELD}", "0001_initial")
    assert "parcels.0002_less (contract): runs\n" in shop.manage("migrate", "--plan").stdout
    shop.manage("migrate")
    assert applied(shop) == ["0001", "0002"]


def test_it_is_asked_for_where_the_linter_is_not(shop: Project) -> None:
    write_release(shop, "0002_index", ADD_INDEX, "0001_initial")
    off = {**SUBSTITUTE, "MIGRATE": "off"}
    assert "by AddIndexConcurrently" in shop.manage("migrate", "--plan", settings=off).stdout
