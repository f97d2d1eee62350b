"""Where findings are, for those who have to find them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import decode_source
from pathlib import Path

from zero_downtime.lint.findings import Finding
from zero_downtime.lint.source import Listing, Place, list_operations


@dataclass(frozen=True)
class File:
    """The file of a migration."""

    lines: list[str]
    listing: Listing

    def place(self, finding: Finding) -> Place | None:
        """Return what the finding is about: its operation, or else its line."""
        if finding.operation is not None:
            place = self.listing.place(finding.operation)
            if place.line == finding.line:
                return place
        if finding.line is None or finding.line > len(self.lines):
            return None
        text = self.lines[finding.line - 1]
        column = len(text) - len(text.lstrip())
        return Place(finding.line, finding.line, column, len(text))


class Files:
    """The files that findings are in, each read once and when it is asked for."""

    def __init__(self) -> None:
        self._read = cache(_read)

    def place(self, finding: Finding) -> Place | None:
        """Return where the finding is, if there is a source to look into."""
        file = self._read(finding.path) if finding.path else None
        return file.place(finding) if file else None

    def line(self, finding: Finding) -> str:
        """Return the line of a finding that has a place."""
        file = self._read(finding.path) if finding.path else None
        assert file is not None, "the finding has a place"
        assert finding.line is not None, "the finding has a place"
        return file.lines[finding.line - 1]


def _read(path: str) -> File | None:
    file = Path(path)
    if file.suffix != ".py" or not file.is_file():
        return None
    source = file.read_bytes()
    return File(decode_source(source).split("\n"), list_operations(source))


def repository() -> Path:
    """Return the root of the repository that the current directory is in; that itself, if none."""
    here = Path.cwd()
    roots = (each for each in [here, *here.parents] if (each / ".git").exists())
    return next(roots, here)


def path_in_repository(path: str) -> str:
    """Return a finding's path as it is known to those who look at the repository only."""
    file = Path.cwd() / path
    root = repository()
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()
