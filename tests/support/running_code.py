"""Processes that serve requests while a test migrates."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.support.project import Project


class Writer:
    """Running code of one release; see `tests.support.writer` and others that talk like it."""

    def __init__(
        self, project: Project, directory: Path, argument: str, module: ModuleType
    ) -> None:
        assert module.__file__
        self.process = subprocess.Popen(
            [sys.executable, module.__file__, argument],
            cwd=directory,
            env=project.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.input, self.output = self.process.stdin, self.process.stdout
        assert self.output.readline() == "ready\n"

    def serve_some_more(self) -> None:
        """Return after the code has served requests that began after this call."""
        for _ in range(2):
            self.input.write("\n")
            self.input.flush()
            assert self.output.readline() == "again\n"

    def stop(self) -> dict[int, Any]:
        """Return what it wrote last to each row of its own."""
        last_words, _ = self.process.communicate()
        assert self.process.returncode == 0
        return {int(key): value for key, value in json.loads(last_words).items()}
