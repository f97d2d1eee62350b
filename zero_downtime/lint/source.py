"""Where in which file an operation stands."""

from __future__ import annotations

import ast
import sys
from functools import cached_property
from pathlib import Path

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader


class MigrationSource:
    """The file of a migration. It is read and parsed when the first line is asked for."""

    def __init__(self, migration: Migration) -> None:
        self._migration = migration

    @cached_property
    def path(self) -> str | None:
        """Path of the file, relative when below the current directory; None without a file."""
        if self._file is None:
            return None
        here = Path.cwd()
        return str(self._file.relative_to(here) if self._file.is_relative_to(here) else self._file)

    def line(self, index: int) -> int | None:
        """Return the line of operation `index`, or the closest that can be told."""
        if self._lines is None:
            return None
        lines, otherwise = self._lines
        return lines[index] if index < len(lines) else otherwise

    @cached_property
    def _file(self) -> Path | None:
        try:
            package, _ = MigrationLoader.migrations_module(self._migration.app_label)
        except LookupError:  # no app that is installed
            return None
        file = getattr(sys.modules.get(f"{package}.{self._migration.name}"), "__file__", None)
        return Path(file).resolve() if file else None

    @cached_property
    def _lines(self) -> tuple[list[int], int] | None:
        if self._file is None or self._file.suffix != ".py":
            return None
        return operation_lines(self._file.read_bytes())


def operation_lines(source: str | bytes) -> tuple[list[int], int]:
    """Return the line of each operation, if the source lists them, and the line to name if not.

    The latter is that of `operations`; failing that, of the class; failing that, the first.
    """
    migration = migration_class(source)
    if migration is None:
        return [], 1
    operations = assignment(migration, "operations")
    if operations is None:
        return [], migration.lineno
    return _element_lines(operations.value), operations.lineno


def migration_class(source: str | bytes) -> ast.ClassDef | None:
    """Return the Migration class that stands in the source of a migration, if it does."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == "Migration":
            return node
    return None


def assignment(body: ast.ClassDef, name: str) -> ast.Assign | ast.AnnAssign | None:
    """Return where the class gives the attribute `name` a value, if it does."""
    for node in body.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node
    return None


def _element_lines(value: ast.expr | None) -> list[int]:
    """Return the lines of the elements; none if some of them are not to be seen."""
    if not isinstance(value, ast.List | ast.Tuple):
        return []
    if any(isinstance(element, ast.Starred) for element in value.elts):
        return []
    return [element.lineno for element in value.elts]
