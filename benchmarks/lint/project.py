"""A Django project with many migrations, written to a directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import OperationWriter

from benchmarks.lint.history import FillRows, History

SEED = 1
APPS = [f"app{number}" for number in range(10)]
PEERS = ["django_migration_linter", "django_safe_migrations"]

SETTINGS = """\
SECRET_KEY = "benchmarks"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "benchmarks.lint.baseline",
    *{apps},
    "zero_downtime",
]
DATABASES = {{"default": {database}}}
"""

# Two packages have a command `lintmigrations`.
PEER_SETTINGS = """\
from settings import *

INSTALLED_APPS = [*INSTALLED_APPS[:-1], "{peer}"]
"""

MIGRATION = """\
{imports}


{functions}class Migration(migrations.Migration):
{initial}
    dependencies = [
{dependencies}
    ]

    operations = [
{operations}
    ]
"""

FUNCTION = """\
def {name}(apps, schema_editor):
    model = apps.get_model("{app}", "{model}")
    for each in model.objects.filter({field}=""):
        each.{field} = "filled"
        each.save()


"""


@dataclass
class App:
    """An app and its migrations so far."""

    label: str
    migrations: list[str] = field(default_factory=list)


class Project:
    """Writes one migration after the other, in the order in which they would have been made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.history = History(SEED)
        self.apps = {label: App(label) for label in APPS}

    def write(self, migrations: int, database: dict[str, Any]) -> None:
        """Write a project with that many migrations, and the database in its settings."""
        settings = SETTINGS.format(apps=APPS, database=database)
        (self.directory / "settings.py").write_text(settings)
        for peer in PEERS:
            (self.directory / f"settings_{peer}.py").write_text(PEER_SETTINGS.format(peer=peer))
        for label in APPS:
            package = self.directory / label / "migrations"
            package.mkdir(parents=True)
            for folder in (package.parent, package):
                (folder / "__init__.py").touch()
        for number in range(migrations):
            is_first = number < len(APPS)
            label = APPS[number] if is_first else self.history.random.choice(APPS)
            self._write_migration(self.apps[label])

    def _write_migration(self, app: App) -> None:
        is_first = not app.migrations
        make = self.history.first_operations if is_first else self.history.operations
        operations = make(app.label)
        dependencies = list(self._dependencies(app, operations))
        number = len(app.migrations) + 1
        name = f"{number:04}_initial" if is_first else f"{number:04}_change"
        path = self.directory / app.label / "migrations" / f"{name}.py"
        path.write_text(_as_file(app.label, operations, dependencies, is_first))
        app.migrations.append(name)

    def _dependencies(self, app: App, operations: list[Operation]) -> Iterator[tuple[str, str]]:
        """Yield the last migration of the app, and of every app that a new relation points at."""
        labels = {app.label, *(label for each in operations for label in _pointed_at(each))}
        for label in sorted(labels):
            if self.apps[label].migrations:
                yield label, self.apps[label].migrations[-1]


def _pointed_at(operation: Operation) -> Iterator[str]:
    """Yield the apps that the operation's relations point at."""
    fields = [each for _, each in getattr(operation, "fields", ())]
    fields += [each for each in [getattr(operation, "field", None)] if hasattr(each, "is_relation")]
    for each in fields:
        if each.is_relation:
            yield each.remote_field.model.partition(".")[0]


def _as_file(
    app_label: str,
    operations: list[Operation],
    dependencies: list[tuple[str, str]],
    is_first: bool,
) -> str:
    imports = {"from django.db import migrations, models"}
    written: list[str] = []
    functions: list[str] = []
    for operation in operations:
        if isinstance(operation, FillRows):
            name = f"fill_{len(functions)}"
            functions.append(
                FUNCTION.format(
                    name=name, app=app_label, model=operation.model, field=operation.field
                )
            )
            written.append(f"        migrations.RunPython({name}, migrations.RunPython.noop),")
        else:
            text, needed = OperationWriter(operation, indentation=2).serialize()
            imports |= {each for each in needed if not each.startswith("from django.db import")}
            written.append(text)
    return MIGRATION.format(
        imports="\n".join(sorted(imports)),
        functions="".join(functions),
        initial="    initial = True\n" if is_first else "",
        dependencies="\n".join(f"        {key!r}," for key in dependencies),
        operations="\n".join(written),
    )
