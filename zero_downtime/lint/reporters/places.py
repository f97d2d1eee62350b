"""Where findings are, for those who have to find them."""

from __future__ import annotations

from importlib.util import decode_source
from pathlib import Path


class Files:
    """The files that findings are in, each read once and when it is asked for."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def line(self, path: str, number: int) -> str | None:
        """Return a line of a file, if there is a source that has so many."""
        if path not in self._lines:
            self._lines[path] = _read(Path(path))
        lines = self._lines[path]
        return lines[number - 1] if number <= len(lines) else None


def _read(file: Path) -> list[str]:
    if file.suffix != ".py" or not file.is_file():
        return []
    return decode_source(file.read_bytes()).split("\n")


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
