"""A Django project with our app and without it, written to a directory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import MigrationWriter

from benchmarks.commands import Command

STOCK = "stock migrate"
OURS = "our migrate"
# By the settings of the same project.
COMMANDS = {STOCK: Command("stock", ("migrate",)), OURS: Command("guarded", ("migrate",))}
STOCK_WITH_OUR_APP = "stock migrate, our app installed"
WITH_OUR_APP = Command("installed", ("migrate",))

APPS = [f"app{number}" for number in range(6)]

SETTINGS = """\
import os

from devtools.database_url import database_settings

SECRET_KEY = "benchmarks"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = {apps}
DATABASES = {{"default": database_settings(os.environ["DATABASE_URL"])}}
"""

GUARDED = """\
from stock import *

INSTALLED_APPS = ["zero_downtime", *INSTALLED_APPS]
"""

INSTALLED = """\
from guarded import *

INSTALLED_APPS = ["djangos_commands", *INSTALLED_APPS]
"""


def write_settings(directory: Path, apps: list[str]) -> None:
    """Write the settings of `COMMANDS`, of a project with these apps and the DATABASE_URL."""
    (directory / "stock.py").write_text(SETTINGS.format(apps=apps))
    (directory / "guarded.py").write_text(GUARDED)


def write_trivial_project(directory: Path, count: int) -> None:
    """Write a project with `count` migrations of its own, which have nothing to do."""
    write_settings(directory, ["django.contrib.contenttypes", "django.contrib.auth", *APPS])
    _write_djangos_commands(directory)
    for number, label in enumerate(APPS):
        package = directory / label / "migrations"
        package.mkdir(parents=True)
        for folder in (package.parent, package):
            (folder / "__init__.py").touch()
        share = (count - number + len(APPS) - 1) // len(APPS)
        for migration in islice(trivial_migrations(label), share):
            text = MigrationWriter(migration, include_header=False).as_string()
            (package / f"{migration.name}.py").write_text(text)


def _write_djangos_commands(directory: Path) -> None:
    """Write settings with our app in them, and an app before it that keeps Django's command."""
    (directory / "installed.py").write_text(INSTALLED)
    commands = directory / "djangos_commands" / "management" / "commands"
    commands.mkdir(parents=True)
    stock = "from django.core.management.commands.migrate import Command as Command\n"
    (commands / "migrate.py").write_text(stock)
    for folder in (commands, commands.parent, commands.parent.parent):
        (folder / "__init__.py").touch()


def trivial_migrations(label: str) -> Iterator[migrations.Migration]:
    """Yield the history of an app, each migration of which has one operation."""
    previous: list[tuple[str, str]] = []
    for number, operation in enumerate(operations(label)):
        # As Django's autodetector makes them.
        contents = {
            "initial": number == 0,
            "operations": [operation],
            "dependencies": previous,
        }
        kind = type("Migration", (migrations.Migration,), contents)
        migration: migrations.Migration = kind(f"{number + 1:04}_change", label)
        yield migration
        previous = [(label, migration.name)]


def operations(label: str) -> Iterator[Operation]:
    """Yield what is done to one model after the other, each with a key to the one before."""
    number = 0
    while True:
        name = f"Model{number}"
        fields: list[tuple[str, models.Field[Any, Any]]] = [
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=50)),
            ("created_at", models.DateTimeField(auto_now_add=True)),
        ]
        if number:
            parent = models.ForeignKey(f"{label}.model{number - 1}", models.CASCADE)
            fields.append(("parent", parent))
        yield migrations.CreateModel(name, fields)
        yield migrations.AddField(name, "note", models.TextField(null=True))
        index = models.Index(fields=["created_at"], name=f"{label}_model{number}_created")
        yield migrations.AddIndex(name, index)
        yield migrations.AlterField(name, "name", models.CharField(max_length=100))
        yield migrations.AddField(name, "amount", models.IntegerField(default=0))
        number += 1
