"""A place in a migration where it stops until a test lets it go on."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from tests.support.project import Project

SIGN = "AT THE GATE"
DEADLINE_SECONDS = 60


def stop(apps: Any, schema_editor: Any) -> None:
    """For RunPython: say that it is reached, and wait for `open_gate`."""
    print(SIGN, file=sys.stderr, flush=True)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not Path("go").exists():
        if time.monotonic() > deadline:
            raise TimeoutError("Nobody opens the gate.")
        time.sleep(0.01)


def open_gate(project: Project) -> None:
    """Let all go on that have stopped in migrations of `project`, or will."""
    project.write("go")
