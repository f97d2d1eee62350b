"""A real Git repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class Repository:
    """A repository in ``directory``, on its branch ``main``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.git("init", "--quiet", "--initial-branch", "main")

    def git(self, *arguments: str) -> str:
        """Run Git, whatever the user has configured, and return what it prints."""
        environment = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{
                f"GIT_{who}_{what}": "tests@localhost"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }
        return subprocess.run(
            ["git", *arguments],
            cwd=self.directory,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def commit_all(self) -> None:
        """Commit what there is."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "All there is")
