"""Processes that serve requests while a test migrates."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.support.project import Project


class RunningCode:
    """A process of one release; see `tests.support.serving`."""

    def __init__(
        self, project: Project, directory: Path, module: ModuleType, *arguments: str
    ) -> None:
        assert module.__file__
        self.process = project.start_script(module.__file__, *arguments, directory=directory)
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
