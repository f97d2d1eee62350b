"""The migrations of a random change, written into files and applied to a database."""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.writer import MigrationWriter
from django.test import override_settings

from tests.lint.random_operations import APP
from tests.support.schema import read_schema
from zero_downtime.lint.findings import Finding
from zero_downtime.lint.judge import judge
from zero_downtime.lint.migration_files import complete
from zero_downtime.lint.rewrite import StageMigration

_numbers = itertools.count()
NOBODY_WAITS = {"CONTRACT_QUIET": 0, "MIGRATE": "off"}
MOST_DEPLOYS = 12
MOST_FIXES = 4
MADE_UP = re.compile(r"\w+_[0-9a-f]{8}(_\w+)?\b")


class RandomProject:
    """A package of migrations of the app, importable in the `with` block of `installed`."""

    def __init__(self, directory: Path, migrations: Iterable[Migration]) -> None:
        self.name = f"random_project_{next(_numbers)}"
        self.directory = directory
        self.package = directory / self.name
        self.package.mkdir()
        (self.package / "__init__.py").touch()
        for migration in migrations:
            path = self.package / f"{migration.name}.py"
            path.write_text(MigrationWriter(migration).as_string())
            when = migration.when if isinstance(migration, StageMigration) else ()
            complete(path, when=when, atomic=bool(migration.atomic))

    @contextlib.contextmanager
    def installed(self) -> Iterator[RandomProject]:
        """Let the app's migrations be these."""
        importlib.invalidate_caches()
        sys.path.insert(0, str(self.directory))
        try:
            with override_settings(MIGRATION_MODULES={APP: self.name}, ZERO_DOWNTIME=NOBODY_WAITS):
                yield self
        finally:
            sys.path.remove(str(self.directory))
            self.forget()

    def forget(self) -> None:
        """Let the files be imported again."""
        for module in [each for each in sys.modules if each.startswith(self.name)]:
            del sys.modules[module]
        importlib.invalidate_caches()

    def sources(self) -> dict[str, str]:
        return {path.stem: path.read_text() for path in sorted(self.package.glob("0*.py"))}

    def fix(self) -> str:
        """Run `lintmigrations --fix` until it changes nothing; return what it says.

        What is done to a new table may end up in another file than the table, and is reported then.
        """
        output = io.StringIO()
        for _ in range(MOST_FIXES):
            files = self.sources()
            call_command("lintmigrations", APP, fix=True, fail_on="never", stdout=output)
            self.forget()
            if self.sources() == files:
                return output.getvalue()
        raise AssertionError(f"there is always something to fix in {files}")

    def findings(self) -> list[Finding]:
        """Judge what comes after the first migration as the one plan that it is."""
        loader = MigrationLoader(None)
        own = [each for key, each in loader.disk_migrations.items() if key[0] == APP]
        _, *change = sorted(own, key=lambda each: each.name)
        return judge(loader, change)

    def migrate(self, target: str | None = None) -> None:
        """Deploy as often as it takes to apply all migrations, or those up to `target`."""
        for _ in range(MOST_DEPLOYS):
            call_command("migrate", APP, *filter(None, [target]), verbosity=0, stdout=io.StringIO())
            if target or self.is_applied():
                return
        raise AssertionError(f"{self.sources().keys()} are not applied after all these deploys")

    def is_applied(self) -> bool:
        from django.db import connection

        loader = MigrationLoader(connection)
        return all(key in loader.applied_migrations for key in loader.graph.nodes if key[0] == APP)


def one_each(change: Migration) -> list[Migration]:
    """Return migrations that do the same, of one operation each."""
    migrations = []
    dependencies = change.dependencies
    for number, operation in enumerate(change.operations):
        name = f"{change.name}_{number:02}"
        attributes = {"operations": [operation], "dependencies": dependencies}
        migrations.append(type("Migration", (Migration,), attributes)(name, change.app_label))
        dependencies = [(change.app_label, name)]
    return migrations


def own_schema(connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    """Return the schema of the app's tables, without what is of no interest to it.

    That is the place of a column in its table, and names that Django makes up: they depend on what
    tables and columns were called when the statement was written, or left for later.
    """
    rows: list[tuple[Any, ...]] = []
    for row in read_schema(connection):
        if "zero_downtime_" in str(row) or "django_migrations" in str(row):
            continue
        if row[0] == "column":
            row = (*row[:2], *row[3:])
        rows.append(tuple(_without_made_up(each) for each in row))
    return sorted(rows, key=str)


def _without_made_up(value: Any) -> Any:
    return MADE_UP.sub("made_up", value) if isinstance(value, str) else value


def differences(stock: list[tuple[Any, ...]], ours: list[tuple[Any, ...]]) -> list[str]:
    """Return in what the schemas differ, but for defaults that only ours has.

    A field that may not be NULL and has a default in Python keeps it in the database, for the sake
    of code that does not know the field.
    """
    wanted = dict(_numbered(stock))
    found = dict(_numbered(ours))
    lines = [f"- {wanted[key]}" for key in wanted.keys() - found.keys()]
    lines += [f"+ {found[key]}" for key in found.keys() - wanted.keys()]
    for key in wanted.keys() & found.keys():
        if wanted[key] != found[key] and not (wanted[key][6] is None and found[key][5]):
            lines += [f"- {wanted[key]}", f"+ {found[key]}"]
    return lines


def _numbered(
    rows: list[tuple[Any, ...]],
) -> Iterator[tuple[tuple[tuple[Any, ...], int], tuple[Any, ...]]]:
    """Yield each row with what it is compared by, and how often that came before."""
    seen: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        key = _without_default(row)
        yield (key, seen[key]), row
        seen[key] += 1


def _without_default(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Leave the sixth value out of the row of a column: what, table, name, type, collation, ..."""
    return (*row[:6], *row[7:]) if row[0] == "column" else row
