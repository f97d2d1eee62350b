"""What `manage.py backfill` says where there is little or nothing to move."""

from __future__ import annotations

import json

import pytest

from tests.support.project import Project
from tests.support.shop import insert_users, write_shop


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json"], "--json goes with --list"),
        (["--database", "other"], "invalid choice: 'other'"),
        (["--list", "--verify"], "not allowed with argument"),
        (["--pause"], "--pause needs the NAME of a backfill"),
        (["--retry"], "--retry needs the NAME of a backfill"),
        (["--tune", "some.name"], "--tune goes with --batch-size"),
        (["--workers", "0"], "0 is less than 1"),
        (["--max-rate", "fast"], "'fast' is not a number"),
    ],
)
def test_arguments_that_make_no_sense(project: Project, arguments: list[str], message: str) -> None:
    result = project.manage("backfill", *arguments, check=False)
    assert result.returncode == 2
    assert message in result.stderr


def test_before_the_first_migrate_it_says_what_to_run(project: Project) -> None:
    for arguments in ([], ["--list"]):
        result = project.manage("backfill", *arguments, check=False)
        assert result.returncode == 1
        assert "Run: manage.py migrate" in result.stderr
        assert "Traceback" not in result.stderr


def test_with_nothing_registered(project: Project) -> None:
    project.manage("migrate")
    assert project.manage("backfill").stdout == "Nothing to do: no backfill is pending.\n"
    assert project.manage("backfill", "--list").stdout == "No backfill is registered.\n"
    assert json.loads(project.manage("backfill", "--list", "--json").stdout) == {
        "version": 1,
        "backfills": [],
    }


def test_python_code_gets_batches_of_the_size_it_asks_for_and_is_never_repaired(
    project: Project,
) -> None:
    write_shop(project)
    project.manage("migrate")
    insert_users(project, 25)
    project.write(
        "shop/migrations/0002_older.py",
        """
        from django.db import migrations
        from django.db.models import F
        from zero_downtime import operations as zd

        def make_older(apps, users):
            assert apps.get_model("shop", "User") is users.model
            print("batch of", users.count())
            users.update(age=F("age") + 1)

        class Migration(migrations.Migration):
            atomic = False
            dependencies = [("shop", "0001_initial")]
            operations = [zd.BatchedRunPython(make_older, "user", batch_size=10)]
        """,
    )
    project.manage("migrate", settings={"INLINE_BACKFILL_ROWS": 0})
    older = "SELECT count(*) FROM shop_user WHERE age = id % 90 + 1"
    assert project.rows(older) == [(0,)]

    output = project.manage("backfill").stdout

    assert output.splitlines()[:3] == ["batch of 10", "batch of 10", "batch of 5"]
    for action in ("--repair", "--verify"):
        project.manage("backfill", action)
        named = project.manage("backfill", "shop.0002_older", action, check=False)
        assert named.returncode == 1
        assert "computes its values" in named.stderr
    assert project.rows(older) == [(25,)]


def test_another_database_has_no_backfills(project: Project) -> None:
    engine = "django.db.backends.sqlite3"
    project.add_settings(f"DATABASES = {{'default': {{'ENGINE': {engine!r}, 'NAME': 'db'}}}}")
    result = project.manage("backfill", check=False)
    assert result.returncode == 1
    assert "Database 'default' is not PostgreSQL: it has no backfills." in result.stderr
