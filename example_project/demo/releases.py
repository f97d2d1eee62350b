"""Two versions of the shop, side by side: copies of this project that the demo may change."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
CHECKOUT = PROJECT.parent
# Where the shop's sources speak of Customer.name; in these files `name` means nothing else.
SPEAK_OF_THE_NAME = ["models.py", "admin.py", "factories.py", "services.py"]


class Release:
    """A copy of this project in `directory`, at work in the database `database_url`."""

    def __init__(self, directory: Path, database_url: str) -> None:
        self.directory = directory
        self._environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "example_project.settings",
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
        }
        self._lifeline = os.pipe()
        shutil.copytree(
            PROJECT,
            directory / "example_project",
            ignore=shutil.ignore_patterns("__pycache__"),
        )

    def configure(self, **settings: Any) -> None:
        """Change keys of ZERO_DOWNTIME in the copy's settings."""
        with (self.directory / "example_project/settings.py").open("a") as file:
            file.write(f"\nZERO_DOWNTIME |= {settings!r}\n")

    def rename_customer_field(self, old_name: str, new_name: str) -> None:
        """Edit the sources as a developer would who renames the field `old_name` of Customer."""
        for file_name in SPEAK_OF_THE_NAME:
            path = self.directory / "example_project/shop" / file_name
            path.write_text(re.sub(rf"(\b|__){old_name}\b", rf"\1{new_name}", path.read_text()))

    def start_management_command(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start `python manage.py` with `arguments`; `options` are Popen's.

        It ends when the demo does, even when that is killed.
        """
        lifeline, _ = self._lifeline
        script = "example_project/manage.py"
        return self.start_module(
            "example_project.demo.leash",
            str(lifeline),
            script,
            *arguments,
            pass_fds=[lifeline],
            **options,
        )

    def start_module(self, module: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start `python -m module` with `arguments`; `options` are Popen's."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.directory,
            env=self._environment,
            text=True,
            # Ctrl-C is the demo's business: it ends what it started, in order.
            process_group=0,
            **options,
        )
