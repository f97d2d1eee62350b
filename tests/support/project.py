"""A real little Django project, for tests of what a user types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from types import TracebackType
from typing import Any, Self

import psycopg

from devtools.database_url import database_settings

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND_DEADLINE_SECONDS = 120

MANAGE = """
import os, sys
from django.core.management import execute_from_command_line

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
execute_from_command_line(sys.argv)
"""

SETTINGS = """
import json, os

SECRET_KEY = "project"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["zero_downtime", "shop"]
DATABASES = {{"default": {database!r}}}
ZERO_DOWNTIME = json.loads(os.environ["PROJECT_ZERO_DOWNTIME"])
"""

MIGRATION = """
from django.contrib.postgres import operations as postgres
from django.db import migrations, models
from django.db.models import F, Q
from zero_downtime import operations as zd


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = {dependencies}
    operations = [
{operations}
    ]
"""


class Project:
    """A project in ``directory`` with one app, ``shop``, on a database that is its own."""

    def __init__(self, directory: Path, database_url: str) -> None:
        self.directory = directory
        self.database_url = database_url
        self._processes: list[subprocess.Popen[str]] = []
        self._connections: list[psycopg.Connection] = []
        self.write("manage.py", MANAGE)
        self.write("settings.py", SETTINGS.format(database=database_settings(database_url)))
        self.write("shop/__init__.py")
        self.write("shop/models.py")
        self.write("shop/migrations/__init__.py")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()
        for connection in self._connections:
            connection.close()

    def write(self, path: str, source: str = "") -> Path:
        """Write ``source``, dedented, to ``path`` in the project."""
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source).lstrip("\n"))
        return file

    def write_migration(
        self,
        name: str,
        operations: str,
        dependencies: Sequence[tuple[str, str]] = (),
        atomic: bool = True,
        app: str = "shop",
    ) -> Path:
        """Write a migration whose ``operations`` list holds the given source.

        The source can use ``migrations``, ``models``, ``F``, ``Q``, ``postgres`` (the operations
        of django.contrib.postgres) and ``zd`` (ours).
        """
        source = MIGRATION.format(
            atomic=atomic,
            dependencies=list(dependencies),
            operations=dedent(operations).strip("\n"),
        )
        return self.write(f"{app}/migrations/{name}.py", source)

    def add_app(self, label: str) -> None:
        """Add an app without migrations, which makes its ``models`` a matter of ``run_syncdb``."""
        self.write(f"{label}/__init__.py")
        self.write(f"{label}/models.py")
        self.add_settings(f"INSTALLED_APPS.append({label!r})")

    def add_settings(self, source: str) -> None:
        """Add lines to the project's settings."""
        with (self.directory / "settings.py").open("a") as settings:
            settings.write(dedent(source).strip("\n") + "\n")

    def manage(
        self,
        *arguments: str,
        check: bool = True,
        input: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``manage.py`` with ``arguments`` to its end, ``settings`` being ZERO_DOWNTIME.

        With ``check``, fail with all it printed when it exits with anything but 0.
        """
        process = self.start(*arguments, settings=settings)
        stdout, stderr = process.communicate(input, timeout=COMMAND_DEADLINE_SECONDS)
        if check and process.returncode != 0:
            command = " ".join(arguments)
            raise AssertionError(
                f"manage.py {command} exited with {process.returncode}\n{stdout}\n{stderr}"
            )
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def start(
        self, *arguments: str, settings: Mapping[str, Any] | None = None
    ) -> subprocess.Popen[str]:
        """Start ``manage.py`` with ``arguments``; it is killed when the test ends."""
        return self.start_script("manage.py", *arguments, settings=settings)

    def start_script(
        self,
        script: str,
        *arguments: str,
        directory: Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a Python script in ``directory``, or the project's; killed when the test ends."""
        process = subprocess.Popen(
            [sys.executable, script, *arguments],
            cwd=directory or self.directory,
            env=self.environment(settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def environment(self, settings: Mapping[str, Any] | None = None) -> dict[str, str]:
        """Return the environment of a process that runs the project, with its ZERO_DOWNTIME."""
        return {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
            # A cached models.py would pass for one rewritten within the same second.
            "PYTHONDONTWRITEBYTECODE": "1",
            "PROJECT_ZERO_DOWNTIME": json.dumps(dict(settings or {})),
        }

    def connect(self) -> psycopg.Connection:
        """Return a new autocommit connection to the project's database."""
        connection = psycopg.connect(self.database_url, autocommit=True)
        self._connections.append(connection)
        return connection

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run ``sql`` and return all its rows."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(sql, params or None).fetchall()
