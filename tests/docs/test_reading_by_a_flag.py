"""The files on the page make a shop that reads the side that a flag says, until the contract."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.shop import USER, applied, columns, insert_users, write_shop

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reading-by-a-flag.md").read_text()
FILES = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
(QUERY,) = re.findall(r"^```python\n(User\.objects.*)\n```$", PAGE, re.MULTILINE)

EXPAND = "shop/migrations/0002_rename_name_expand.py"
CONTRACT = "shop/migrations/0004_rename_name_contract.py"
NO_WAITING = {"CONTRACT_QUIET": 0}


def write_files(project: Project, *paths: str) -> None:
    for path in paths:
        project.write(path, FILES[path])


@pytest.fixture
def shop(project: Project) -> Project:
    """Ten users, the rename expanded and backfilled, and code that reads by a flag."""
    project.write("shop/models.py", USER.format(name="name"))
    project.manage("makemigrations", "shop")
    project.manage("migrate")
    insert_users(project, 10)
    project.add_settings("READ_FULL_NAME = False")
    write_files(project, "shop/models.py", "shop/sides.py", EXPAND)
    project.write_migration(
        "0003_rename_name_backfill",
        'zd.BackfillField("user", "full_name"),',
        [("shop", "0002_rename_name_expand")],
        atomic=False,
    )
    project.manage("migrate")
    return project


def shell(project: Project, source: str) -> list[str]:
    """Return what a process of running code prints, line by line."""
    imports = "from django.test import override_settings\nfrom shop import sides\n"
    return project.manage("shell", "-c", f"{imports}{source}").stdout.splitlines()[-3:]


def test_all_files_of_the_page_are_here() -> None:
    assert set(FILES) == {"shop/models.py", "shop/sides.py", EXPAND, CONTRACT}


def test_the_flag_decides_at_once_and_back_again(shop: Project) -> None:
    """Nobody sees which side is read as long as both are equal, so here they are not."""
    with shop.connect() as connection:
        connection.execute("SET session_replication_role = replica")  # triggers do not fire
        connection.execute("UPDATE shop_user SET name = 'old side' WHERE id = 1")
        connection.execute("UPDATE shop_user SET full_name = 'new side' WHERE id = 1")

    lines = shell(
        shop,
        f"""
from shop.models import User
user = User.objects.get(pk=1)
for flag in (False, True, False):
    with override_settings(READ_FULL_NAME=flag):
        print(user.shown_name, {QUERY.replace("Ada Lovelace", "new side")}.count())
""",
    )

    assert lines == ["old side 0", "new side 1", "old side 0"]


def test_what_this_code_writes_is_on_both_sides(shop: Project) -> None:
    shell(
        shop,
        """
from shop.models import User
User.objects.create(full_name="created")
User.objects.bulk_create([User(full_name="in bulk")])
user = User.objects.get(pk=1)
user.full_name = "saved"
user.save()
""",
    )
    both = "SELECT id, name, full_name FROM shop_user WHERE id = 1 OR id > 10 ORDER BY id"
    assert shop.rows(both) == [
        (1, "saved", "saved"),
        (11, "created", "created"),
        (12, "in bulk", "in bulk"),
    ]


def test_neither_makemigrations_nor_the_linter_wants_anything(shop: Project) -> None:
    assert "No changes detected" in shop.manage("makemigrations", "--check").stdout
    assert "0 errors, 0 warnings" in shop.manage("lintmigrations").stdout


def test_code_that_reads_by_a_flag_does_not_hold_the_contract_back(shop: Project) -> None:
    shell(shop, "from shop.models import User\nUser.objects.create(full_name='created')")
    shop.write("shop/models.py", USER.format(name="full_name"))
    write_files(shop, CONTRACT)

    shop.manage("migrate", settings={"CONTRACT_QUIET": 3600})

    assert applied(shop)[-1] == "0004"
    assert columns(shop) == ["id", "full_name", "age"]
    assert "No changes detected" in shop.manage("makemigrations", "--check").stdout


def test_a_fresh_database_gets_everything_in_one_go(project: Project) -> None:
    write_shop(project)
    project.write("shop/models.py", USER.format(name="full_name"))
    project.write_migration(
        "0003_rename_name_backfill",
        'zd.BackfillField("user", "full_name"),',
        [("shop", "0002_rename_name_expand")],
        atomic=False,
    )
    write_files(project, EXPAND, CONTRACT)

    project.manage("migrate")

    assert columns(project) == ["id", "full_name", "age"]
