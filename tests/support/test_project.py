from __future__ import annotations

import pytest

from tests.support.project import Project

USER_MODEL = """
    from django.db import models


    class User(models.Model):
        name = models.CharField(max_length=100)
"""

CREATE_USER = """
    migrations.CreateModel(
        "User",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=100)),
        ],
    ),
"""


def test_migrates_its_own_database(project: Project) -> None:
    project.write("shop/models.py", USER_MODEL)
    project.write_migration("0001_initial", CREATE_USER)

    project.manage("migrate")

    assert project.rows("SELECT count(*) FROM shop_user") == [(0,)]
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_user (name) VALUES (%s)", ["Ann"])
    assert project.rows("SELECT name FROM shop_user WHERE name = %s", ["Ann"]) == [("Ann",)]


def test_zero_downtime_settings_reach_the_command(project: Project) -> None:
    shell = ("shell", "--no-imports", "-c")
    show = "from django.conf import settings; print(settings.ZERO_DOWNTIME)"
    result = project.manage(*shell, show, settings={"LOCK_TIMEOUT": 2})
    assert result.stdout == "{'LOCK_TIMEOUT': 2}\n"


def test_input_reaches_the_command(project: Project) -> None:
    result = project.manage("shell", input="print('read')\n")
    assert "read" in result.stdout


def test_failing_command_shows_its_output(project: Project) -> None:
    with pytest.raises(AssertionError, match="Unknown command: 'migrat'"):
        project.manage("migrat")
    assert project.manage("migrat", check=False).returncode == 1
