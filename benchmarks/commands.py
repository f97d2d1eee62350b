"""Commands of a project's manage.py, from the start of Python to its end."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Command:
    """A command of the project's manage.py.

    Args:
        settings: the module that has the app installed which brings the command.
        exits_with: all codes that say that it has done its work.
    """

    settings: str
    arguments: tuple[str, ...]
    exits_with: tuple[int, ...] = (0,)


def run_once(
    directory: Path, command: Command, variables: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Run a command of the project in `directory`, and return what that took.

    Args:
        variables: what the environment has besides.
    """
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), **(variables or {})}
    # What Python has compiled once it need not compile again, as anywhere.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    cpu, started = children_cpu(), time.perf_counter()
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.manage"),
            *(str(directory), command.settings, *command.arguments),
        ],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    if ended.returncode not in command.exits_with:
        raise RuntimeError(f"{command.arguments[0]} has failed: {ended.stdout}{ended.stderr}")
    return {
        "seconds": seconds,
        "CPU seconds": children_cpu() - cpu,
        "peak memory MiB": int(ended.stderr.split()[-1]) / 2**20,
    }


def children_cpu() -> float:
    """Return the processor seconds of this process's children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
