"""`manage.py lintmigrations --fix` and `--diff`, on the files of a project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.project import Project

INITIAL = """
    migrations.CreateModel(
        "Customer",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=100)),
        ],
    ),
    migrations.CreateModel(
        "Order",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("status", models.CharField(max_length=10)),
        ],
    ),
"""
INDEX = 'migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx")),'
RENAME = 'migrations.RenameField("customer", "name", "full_name"),'
TAG = 'migrations.CreateModel("Tag", [("id", models.BigAutoField(primary_key=True))]),'
AFTER_THE_FIRST = [("shop", "0001_initial")]

BY_HAND = '''
# Written by hand
"""Search by status."""

from django.db import migrations, models
from django.db.models import Q

STATUSES = ["new", "paid"]


def fill(apps, schema_editor):
    """Fill what is empty."""


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]

    operations = [
        # people search by status
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["status"], name="status_idx"),  # plain
        ),
        # before anything else
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddConstraint(
            "order",
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="status_known"),
        ),  # the list is complete
        # that is all
    ]
'''
FIXED = '''
# Written by hand
"""Search by status."""

from django.db import migrations, models
from zero_downtime import operations as zd


class Migration(migrations.Migration):
    """Run it at any time: it blocks neither reads nor writes."""

    atomic = False

    dependencies = [("shop", "0001_initial"), ("zero_downtime", "0001_initial")]

    operations = [
        # people search by status
        zd.AddIndexConcurrently(
            model_name="order",
            index=models.Index(fields=["status"], name="status_idx"),  # plain
        ),
        # that is all
    ]
'''
FILLING = '''
from django.db import migrations


def fill(apps, schema_editor):
    """Fill what is empty."""


class Migration(migrations.Migration):
    dependencies = [
        ("shop", "0002_status"),
    ]

    operations = [
        # before anything else
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
'''
CONSTRAINT = '''
from django.db import migrations, models
from django.db.models import Q
from zero_downtime import operations as zd

STATUSES = ["new", "paid"]


class Migration(migrations.Migration):
    """Run it when no running code writes what the constraint forbids: it
    blocks neither reads nor writes.
    """

    atomic = False

    dependencies = [
        ("shop", "0003_status"),
        ("zero_downtime", "0001_initial"),
    ]

    operations = [
        zd.AddConstraintConcurrently(
            "order",
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="status_known"),
        ),  # the list is complete
    ]
'''

FILLING_BEHIND_INDEX = """
from django.db import migrations, models


def fill(apps, schema_editor):
    apps.get_model("shop", "order").objects.update(status="new")


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddIndex("order", models.Index(fields=["status"], name="status_idx")),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
"""


@pytest.fixture
def shop(project: Project) -> Project:
    project.write_migration("0001_initial", INITIAL)
    return project


def folder(project: Project, app: str = "shop") -> Path:
    return project.directory / app / "migrations"


def names(project: Project, app: str = "shop") -> list[str]:
    return sorted(path.stem for path in folder(project, app).glob("0*.py"))


def sources(project: Project) -> dict[str, str]:
    return {name: (folder(project) / f"{name}.py").read_text() for name in names(project)}


def assert_fixed(project: Project, applied: int) -> None:
    """All that was written lints clean, stays as it is, and can be applied."""
    after = sources(project)
    project.manage("lintmigrations", "--fix")
    assert sources(project) == after
    project.manage("migrate")
    [(count,)] = project.rows("SELECT count(*) FROM django_migrations WHERE app = 'shop'")
    assert count == applied


def test_a_file_keeps_all_that_need_not_change(shop: Project) -> None:
    shop.write("shop/migrations/0002_status.py", BY_HAND)

    result = shop.manage("lintmigrations", "--fix")

    assert "2 findings fixed" in result.stdout
    after = sources(shop)
    assert after["0002_status"] == FIXED.lstrip("\n")
    assert after["0003_status"] == FILLING.lstrip("\n")
    assert after["0004_order_status_known"] == CONSTRAINT.lstrip("\n")
    assert_fixed(shop, applied=4)


def test_the_diff_says_the_same_and_writes_nothing(shop: Project) -> None:
    shop.write("shop/migrations/0002_status.py", BY_HAND)
    before = sources(shop)

    result = shop.manage("lintmigrations", "--diff", check=False)

    assert sources(shop) == before
    assert result.returncode == 1
    assert "-        migrations.AddIndex(\n+        zd.AddIndexConcurrently(\n" in result.stdout
    assert "--- /dev/null\n+++ b/shop/migrations/0003_status.py\n" in result.stdout
    shop.manage("lintmigrations", "--fix")
    added = [line for line in result.stdout.splitlines() if line.startswith("+++ b/")]
    assert [line.removeprefix("+++ b/shop/migrations/") for line in added] == [
        f"{name}.py" for name in names(shop)[1:]
    ]


def test_a_rename_becomes_a_migration_for_each_deploy_step(shop: Project) -> None:
    shop.write_migration("0002_people", RENAME, dependencies=AFTER_THE_FIRST)

    shop.manage("lintmigrations", "--fix")

    assert names(shop)[1:] == ["0002_people", "0003_people_backfill", "0004_people_contract"]
    assert "zd.ExpandRenameField(" in sources(shop)["0002_people"]
    assert "atomic = False" in sources(shop)["0002_people"]
    assert_fixed(shop, applied=4)


def test_what_a_contract_may_hold_back_comes_after_the_migrations_that_there_are(
    shop: Project,
) -> None:
    shop.write_migration("0002_people", f"{RENAME}\n{TAG}", dependencies=AFTER_THE_FIRST)
    shop.write_migration(
        "0003_more",
        'migrations.AddField("tag", "name", models.TextField(null=True)),',
        dependencies=[("shop", "0002_people")],
    )

    shop.manage("lintmigrations", "--fix")

    assert names(shop)[1:] == [
        "0002_people",
        "0002_tag",
        "0003_more",
        "0004_people_backfill",
        "0005_people_contract",
    ]
    after = sources(shop)
    assert '("shop", "0002_people")' in after["0002_tag"]
    assert "'shop', '0002_tag'" in after["0003_more"]
    assert '("shop", "0003_more")' in after["0004_people_backfill"]
    assert_fixed(shop, applied=6)


def test_other_apps_depend_on_the_models_that_they_need(shop: Project) -> None:
    shop.write_migration("0002_people", f"{INDEX}\n{TAG}", dependencies=AFTER_THE_FIRST)
    shop.add_app("billing")
    shop.write("billing/migrations/__init__.py")
    shop.write_migration(
        "0001_initial",
        'migrations.CreateModel("Invoice", [("id", models.BigAutoField(primary_key=True)), '
        '("tag", models.ForeignKey("shop.Tag", models.CASCADE))]),',
        dependencies=[("shop", "0002_people")],
        app="billing",
    )

    shop.manage("lintmigrations", "--fix")

    assert names(shop)[1:] == ["0002_people", "0003_tag"]
    invoice = (folder(shop, "billing") / "0001_initial.py").read_text()
    assert '("shop", "0003_tag")' in invoice
    assert_fixed(shop, applied=3)


def test_what_is_applied_stays_as_it_is(shop: Project) -> None:
    shop.write_migration("0002_status", INDEX, dependencies=AFTER_THE_FIRST)
    shop.manage("migrate")
    before = sources(shop)

    result = shop.manage("lintmigrations", "--fix", check=False)

    assert result.returncode == 1
    assert sources(shop) == before
    assert "shop.0002_status: ZD101 has to be fixed by hand: it is applied" in result.stdout


def test_without_a_database_it_says_what_it_does_not_know(shop: Project) -> None:
    shop.write_migration("0002_status", INDEX, dependencies=AFTER_THE_FIRST)
    shop.add_settings("DATABASES = {}")

    result = shop.manage("lintmigrations", "--fix")

    assert result.stdout.startswith("No database says which migrations are applied")
    assert "AddIndexConcurrently" in sources(shop)["0002_status"]


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        (
            'migrations.AlterField("customer", "full_name", models.TextField()),',
            "shop.0003_more comes after it, and builds on what a contract has to end first",
        ),
        (
            'migrations.RunSQL("SELECT 1", migrations.RunSQL.noop),',
            "shop.0003_more comes after it, and builds on what a contract has to end first",
        ),
    ],
)
def test_what_later_migrations_build_on_is_for_people(
    shop: Project, later: str, reason: str
) -> None:
    shop.write_migration("0002_people", RENAME, dependencies=AFTER_THE_FIRST)
    shop.write_migration("0003_more", later, dependencies=[("shop", "0002_people")])
    before = sources(shop)

    result = shop.manage("lintmigrations", "shop", "0002", "--fix", check=False)

    assert result.returncode == 1
    assert sources(shop) == before
    assert f"shop.0002_people: ZD201 has to be fixed by hand: {reason}." in result.stdout


def test_operations_that_are_not_listed_are_for_people(shop: Project) -> None:
    path = shop.write_migration("0002_status", INDEX, dependencies=AFTER_THE_FIRST)
    path.write_text(path.read_text().replace("    ]\n", "    ] + []\n"))

    result = shop.manage("lintmigrations", "--fix", check=False)

    assert "by hand: its operations are not a plain list." in result.stdout


def test_only_what_was_asked_for_is_fixed(shop: Project) -> None:
    shop.write_migration("0002_both", f"{INDEX}\n{RENAME}", dependencies=AFTER_THE_FIRST)

    result = shop.manage("lintmigrations", "--fix", "--select", "ZD101", "--format", "json")

    assert json.loads(result.stdout)["findings"] == []
    assert "1 finding fixed" in result.stderr
    after = sources(shop)
    assert "AddIndexConcurrently" in after["0002_both"]
    assert "migrations.RenameField" in after["0003_rename_name_customer_full_name"]


def test_what_is_left_is_reported_where_it_is_now(shop: Project) -> None:
    shop.write("shop/migrations/0002_fill.py", FILLING_BEHIND_INDEX)

    result = shop.manage(
        *("lintmigrations", "shop", "0002", "--fix", "--format", "json", "--fail-on", "never")
    )

    [finding] = json.loads(result.stdout)["findings"]
    lines = (shop.directory / finding["path"]).read_text().splitlines()
    assert finding["rule"] == "ZD301"
    assert "RunPython" in lines[finding["line"] - 1]
    assert "(update() in line 5)" in finding["message"]
    assert "blocks-writes" not in finding["hazards"], "the index has a migration of its own now"


def test_a_file_keeps_its_encoding_and_the_ends_of_its_lines(shop: Project) -> None:
    cookie = "# coding: latin-1\n# f\xfcr Gr\xf6\xdfen\n"
    path = shop.write_migration("0002_status", INDEX, dependencies=AFTER_THE_FIRST)
    path.write_text(cookie + path.read_text(), "latin-1", newline="\r\n")

    shop.manage("lintmigrations", "--fix")

    written = path.read_bytes()
    assert written.startswith(cookie.replace("\n", "\r\n").encode("latin-1"))
    assert b"AddIndexConcurrently" in written
    assert written.count(b"\n") == written.count(b"\r\n")


@pytest.mark.parametrize("indent", ["\t", "  "])
def test_what_is_indented_otherwise_is_for_people(shop: Project, indent: str) -> None:
    path = shop.write_migration("0002_status", INDEX, dependencies=AFTER_THE_FIRST)
    path.write_text(path.read_text().replace("    ", indent))
    before = path.read_text()

    result = shop.manage("lintmigrations", "--fix", check=False)

    assert path.read_text() == before
    assert "by hand: its lines are not indented by four spaces" in result.stdout
