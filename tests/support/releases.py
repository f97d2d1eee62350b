"""Two releases of the shop's code, each a process of its own, and the migrations between them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import writer
from tests.support.project import Project
from tests.support.running_code import RunningCode


@dataclass(frozen=True)
class Release:
    """The source of `shop/models.py`, and the field that this code writes.

    `values` names the kind of values the field takes; see `writer.VALUES`.
    """

    model: str
    field: str
    values: str = "text"

    def run(self, project: Project, directory: Path) -> RunningCode:
        """Start a process of this release, whose code stands in `directory`."""
        return RunningCode(project, directory, writer, self.field, self.values)


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


def copy_of(project: Project, directory: Path) -> Path:
    """Return a copy of the project's code as it is now, for processes that go on running it."""
    return Path(shutil.copytree(project.directory, directory))
