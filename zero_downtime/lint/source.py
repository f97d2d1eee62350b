"""Where in which file an operation stands."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import decode_source
from pathlib import Path

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

IGNORE_ATTRIBUTE = "zero_downtime_ignore"
"""Of a Migration class: what the linter is not to report in it."""


@dataclass(frozen=True)
class Place:
    """Where something stands in a file: lines count from 1, columns from 0, in characters."""

    line: int
    end_line: int
    column: int
    end_column: int
    """On the first line: where the name of what is called ends, or else the whole of it."""

    @property
    def lines(self) -> range:
        return range(self.line, self.end_line + 1)


@dataclass(frozen=True)
class Listing:
    """Where the operations of a migration stand."""

    listed: tuple[Place, ...]
    """The place of each; none if they are not written down one by one."""
    otherwise: Place
    """The closest that can be told: `operations`, failing that the class, failing that line 1."""

    def place(self, index: int) -> Place:
        return self.listed[index] if index < len(self.listed) else self.otherwise


class MigrationSource:
    """The file of a migration. It is read and parsed when it is asked for."""

    def __init__(self, migration: Migration, file: Path | None = None) -> None:
        """Take the file that the migration was imported from, unless another one is given."""
        self.migration = migration
        self._file = file or imported_from(migration)

    @cached_property
    def file(self) -> Path | None:
        """The file, wherever links to it may be."""
        return self._file.resolve() if self._file else None

    @cached_property
    def path(self) -> str | None:
        """Path of the file, relative when below the current directory; None without a file."""
        if self.file is None:
            return None
        return str(self.file).removeprefix(f"{Path.cwd()}{os.sep}")

    def place(self, index: int) -> Place | None:
        """Return the place of operation `index`, or the closest that can be told."""
        return self.listing.place(index) if self.listing else None

    @cached_property
    def first_line(self) -> int | None:
        """The line on which the migration begins, as far as that can be told."""
        migration = migration_class(self.content)
        return migration.lineno if migration else None

    def line(self, index: int) -> int | None:
        """Return the line of that place."""
        place = self.place(index)
        return place.line if place else None

    @cached_property
    def content(self) -> bytes:
        """What the file says; nothing, if there is no source."""
        if self._file is None or self._file.suffix != ".py":
            return b""
        return self._file.read_bytes()

    @cached_property
    def listing(self) -> Listing | None:
        return list_operations(self.content) if self.content else None


def imported_from(migration: Migration) -> Path | None:
    """Return the file that a migration was imported from, by the path that led to it."""
    try:
        package, _ = MigrationLoader.migrations_module(migration.app_label)
    except LookupError:  # no app that is installed
        return None
    file = getattr(sys.modules.get(f"{package}.{migration.name}"), "__file__", None)
    return Path(file) if file else None


def list_operations(source: bytes) -> Listing:
    """Return where the operations of the migration in `source` stand."""
    lines = decode_source(source).split("\n")
    migration = migration_class(source)
    if migration is None:
        return Listing((), Place(1, 1, 0, len(lines[0])))
    operations = assignment(migration, "operations")
    if operations is None:
        end = len(lines[migration.lineno - 1])
        return Listing((), Place(migration.lineno, migration.lineno, migration.col_offset, end))
    listed = tuple(_place(element, lines) for element in _elements(operations.value))
    return Listing(listed, _place(operations, lines))


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


def _elements(value: ast.expr | None) -> Iterator[ast.expr]:
    """Yield the elements; none if some of them are not to be seen."""
    if isinstance(value, ast.List | ast.Tuple) and not any(
        isinstance(element, ast.Starred) for element in value.elts
    ):
        yield from value.elts


def _place(node: ast.expr | ast.stmt, lines: list[str]) -> Place:
    first = lines[node.lineno - 1]
    called = node.func if isinstance(node, ast.Call) else node
    end = len(first)
    if called.end_lineno == node.lineno and called.end_col_offset is not None:
        end = _characters(first, called.end_col_offset)
    column = _characters(first, node.col_offset)
    return Place(node.lineno, node.end_lineno or node.lineno, column, end)


def _characters(line: str, offset: int) -> int:
    """Return a column in characters; Python's parser counts bytes of UTF-8."""
    return len(line.encode()[:offset].decode())
