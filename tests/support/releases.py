"""Two releases of the shop's code, each a process of its own, and the migrations between them."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import writer
from tests.support.project import Project


@dataclass(frozen=True)
class Release:
    """The source of `shop/models.py`, and the field that this code writes.

    `values` names the kind of values the field takes; see `writer.VALUES`.
    """

    model: str
    field: str
    values: str = "text"


@dataclass(frozen=True)
class Change:
    """A transition of `shop.User`.

    `operations` make a migration each, after `0001_initial` with `initial`; the last one is the
    contract.
    """

    id: str
    initial: str
    old: Release
    new: Release
    operations: Sequence[str]

    def write_old(self, project: Project) -> None:
        """Write the code before the change."""
        project.write("shop/models.py", self.old.model)
        project.write_migration("0001_initial", self.initial)

    def write_new(self, project: Project) -> None:
        """Write the code after the change, and the migrations that lead there."""
        project.write("shop/models.py", self.new.model)
        previous = "0001_initial"
        for number, operation in enumerate(self.operations, start=2):
            name = f"{number:04}_step"
            project.write_migration(name, f"{operation},", [("shop", previous)], atomic=False)
            previous = name

    @property
    def before_contract(self) -> str:
        """The number of the last migration before the contract."""
        return f"{len(self.operations):04}"


class RunningCode:
    """A process of one release; see `tests.support.writer`."""

    def __init__(self, project: Project, directory: Path, release: Release) -> None:
        self.process = project.start_script(
            writer.__file__, release.field, release.values, directory=directory
        )
        self._expect("ready")

    def serve_some_more(self) -> None:
        """Return after the code has served requests that began after this call."""
        assert self.process.stdin
        for _ in range(2):
            with contextlib.suppress(BrokenPipeError):  # it has died, and will be asked of what
                self.process.stdin.write("\n")
                self.process.stdin.flush()
            self._expect("again")

    def stop(self) -> dict[int, Any]:
        """Return what it wrote last to each row of its own."""
        last_words, errors = self.process.communicate()
        assert self.process.returncode == 0, errors
        return {int(key): value for key, value in json.loads(last_words).items()}

    def _expect(self, word: str) -> None:
        assert self.process.stdout
        if self.process.stdout.readline() != f"{word}\n":
            raise AssertionError(self.process.communicate()[1])


def copy_of(project: Project, directory: Path) -> Path:
    """Return a copy of the project's code as it is now, for processes that go on running it."""
    return Path(shutil.copytree(project.directory, directory))
