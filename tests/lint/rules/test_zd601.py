"""ZD601: an applied migration was edited."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.support.edited import write_note
from tests.support.project import Project

MESSAGE = "Its file is not what was applied on "


@pytest.fixture
def shop(edited_shop: Project) -> Project:
    return edited_shop


def lint(project: Project, *arguments: str, check: bool = True) -> list[dict[str, Any]]:
    """Return the findings of `lintmigrations`, which says nothing else."""
    result = project.manage("lintmigrations", "--format", "json", *arguments, check=check)
    assert result.stderr == ""
    findings: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return findings


def test_it_is_a_warning_about_the_migration(shop: Project) -> None:
    (finding,) = lint(shop)

    assert finding["message"].startswith(MESSAGE)
    assert finding["message"].endswith("; the database has what the old file says.")
    assert finding["remedy"] == (
        "Put the old one back, or take it as it is with: "
        "manage.py migrate --accept-edited shop 0002_note"
    )
    source = (shop.directory / finding["path"]).read_text().splitlines()
    assert source[finding["line"] - 1] == "class Migration(migrations.Migration):"
    of_interest: dict[str, Any] = {
        "rule": "ZD601",
        "severity": "warning",
        "hazards": [],
        "app": "shop",
        "migration": "0002_note",
        "operation": None,
        "tables": [],
        "fixable": False,
    }
    assert finding | of_interest == finding


def test_it_is_no_more_when_the_file_is_put_back(shop: Project) -> None:
    write_note(shop, length=10)
    assert lint(shop) == []


def test_what_is_asked_for_counts(shop: Project) -> None:
    assert lint(shop, "shop", "0001") == []
    assert len(lint(shop, "shop", "0002")) == 1
    assert lint(shop, "--ignore", "ZD601") == []
    assert lint(shop, "--unapplied") == []


def test_a_comment_above_the_class_suppresses_it(shop: Project) -> None:
    file = shop.directory / "shop/migrations/0002_note.py"
    comment = "# zero-downtime: ignore[ZD601] the database was widened by hand\n"
    file.write_text(file.read_text().replace("class Migration", comment + "class Migration"))
    assert lint(shop) == []


def test_so_does_the_attribute_which_is_itself_no_edit(shop: Project) -> None:
    file = shop.directory / "shop/migrations/0002_note.py"
    attribute = '    zero_downtime_ignore = {\n        "ZD601": "by hand",\n    }\n    atomic ='
    file.write_text(file.read_text().replace("    atomic =", attribute))
    assert lint(shop) == []
    write_note(shop, length=10)
    file.write_text(file.read_text().replace("    atomic =", attribute))
    assert lint(shop) == [], "nobody says that there is nothing to suppress: elsewhere there may be"
    assert "Applied, and edited" not in shop.manage("migrate", "--plan").stdout


def test_a_baseline_outlives_databases_where_it_is_not_found(shop: Project) -> None:
    shop.manage("lintmigrations", "--baseline", "known.json", "--update-baseline")
    assert lint(shop, "--baseline", "known.json") == []
    shop.manage("migrate", "--accept-edited")
    assert lint(shop, "--baseline", "known.json") == []


@pytest.mark.parametrize(
    "database",
    [
        "{**DATABASES['default'], 'HOST': '127.0.0.1', 'PORT': 1}",
        "{**DATABASES['default'], 'USER': 'nobody_of_that_name'}",
        "{'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}",
        "{}",
    ],
)
def test_nothing_is_known_without_the_database(shop: Project, database: str) -> None:
    shop.add_settings(f"DATABASES = {{'default': {database}}}")
    assert lint(shop) == []


def test_a_server_that_does_not_answer_is_not_waited_for(shop: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _, port = silent.getsockname()
        shop.add_settings(f"DATABASES['default'].update(HOST='127.0.0.1', PORT={port})")
        assert lint(shop) == []


def test_nothing_is_known_without_our_tables(shop: Project) -> None:
    shop.manage("migrate", "zero_downtime", "zero")
    assert lint(shop) == []


def test_another_database_can_be_asked(shop: Project) -> None:
    shop.add_settings(
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}, "
        "'live': DATABASES['default']}"
    )
    assert lint(shop) == []
    assert len(lint(shop, "--database", "live")) == 1


def test_an_unknown_database_is_answered_with_the_closest(shop: Project) -> None:
    result = shop.manage("lintmigrations", "--database", "defualt", check=False)
    assert result.returncode == 2
    assert "Did you mean 'default'?" in result.stderr


def test_the_system_check_asks_no_database(shop: Project) -> None:
    assert "W601" not in shop.manage("check", "--tag", "zero_downtime", "--deploy").stderr
