"""Which files a plan of fixes writes, and what can be told of them before."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import decode_source
from io import BytesIO
from pathlib import Path
from tokenize import detect_encoding

import libcst as cst
from django.apps import apps
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader

from zero_downtime.lint.editing.migration_file import MigrationFile
from zero_downtime.lint.fix import Fixes
from zero_downtime.lint.rewrite import Key
from zero_downtime.lint.scope import first_party
from zero_downtime.lint.source import MigrationSource


@dataclass(frozen=True)
class Change:
    """A file that is to be written."""

    path: Path
    """As it is shown: relative where that is possible."""
    before: str | None
    """None for a file that is new."""
    after: str
    newline: str = "\n"

    def write(self) -> None:
        """Write the file in the encoding that it declares."""
        encoding, _ = detect_encoding(BytesIO(self.after.encode()).readline)
        self.path.write_text(self.after, encoding, newline=self.newline)

    def diff(self) -> str:
        """Return the change as `git diff` would show it."""
        old = "/dev/null" if self.before is None else f"a/{self.path}"
        lines = difflib.unified_diff(
            (self.before or "").splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            old,
            f"b/{self.path}",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


@dataclass
class Editor:
    """Knows the files of the loader's migrations. `applied` ones stay as they are."""

    loader: MigrationLoader
    applied: Collection[Key] = ()
    _files: dict[Migration, _File] = field(default_factory=dict)

    def why_not(self, migration: Migration, dependency: Key | None = None) -> str | None:
        """Return why the migration cannot be changed, or only where it names a dependency."""
        key = migration.app_label, migration.name
        if key in self.applied:
            return "it is applied already; change the models back, and on, in new migrations"
        if not first_party(apps.get_app_config(migration.app_label)):
            return "it belongs to an installed package"
        file = self._file(migration)
        if dependency is not None:
            plainly = file.parsed and file.parsed.depends_plainly_on(dependency)
            return None if plainly else "its dependencies are not a plain list"
        if migration.replaces or any(key in each.replaces for each in self._migrations()):
            return "it is squashed, or part of a squashed one"
        if file.parsed is None:
            return "its file is no Python that can be edited"
        return file.parsed.why_not_editable(migration)

    def changes(self, fixes: Fixes) -> Iterator[Change]:
        """Yield the files to be written, each migration before those that are cut from it."""
        for migration, parts in fixes.split.items():
            file = self._file(migration)
            assert file.parsed is not None
            sources = file.parsed.cut(migration, parts, fixes.moved.get(migration, {}))
            yield Change(file.path, file.source, sources[0], file.newline)
            for part, source in zip(parts[1:], sources[1:], strict=True):
                path = file.path.with_name(f"{part.migration.name}.py")
                yield Change(path, None, source, file.newline)
        for migration in fixes.moved.keys() - fixes.split.keys():
            file = self._file(migration)
            assert file.parsed is not None
            after = file.parsed.with_dependencies(fixes.moved[migration])
            yield Change(file.path, file.source, after, file.newline)

    def _migrations(self) -> Collection[Migration]:
        migrations: Collection[Migration] = self.loader.disk_migrations.values()
        return migrations

    def _file(self, migration: Migration) -> _File:
        return self._files.setdefault(migration, _File(MigrationSource(migration)))


class _File:
    def __init__(self, source: MigrationSource) -> None:
        self._source = source

    @property
    def path(self) -> Path:
        return Path(self._source.path or "")

    @cached_property
    def source(self) -> str:
        return decode_source(self._source.content)

    @property
    def newline(self) -> str:
        return "\r\n" if b"\r\n" in self._source.content else "\n"

    @cached_property
    def parsed(self) -> MigrationFile | None:
        """The file as it can be edited; None if it cannot."""
        try:
            return MigrationFile(self.source) if self._source.content else None
        except (cst.ParserSyntaxError, UnicodeDecodeError, SyntaxError):
            return None
