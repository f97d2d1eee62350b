"""Whole commands, from the start of Python to its end, on the same project."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import benchmarks
from benchmarks.benchmark import Options
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory
from benchmarks.lint.project import PEERS, Project
from devtools.database_url import database_settings

REPOSITORY = Path(benchmarks.__file__).parents[1]
AS_PACKAGES = {name.replace("_", "-"): name for name in PEERS}


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


COMMANDS = {
    "load_graph": Command("settings", ("load_graph",)),
    "lintmigrations": Command("settings", ("lintmigrations", "--fail-on", "never")),
    "django-safe-migrations": Command(
        "settings_django_safe_migrations", ("check_migrations",), exits_with=(0, 1)
    ),
    "django-migration-linter": Command(
        "settings_django_migration_linter", ("lintmigrations", "--no-cache"), exits_with=(0, 1)
    ),
}


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Seconds, CPU and memory of judging all migrations, against loading them."""
    found = alternate_commands(laboratory, options, ["load_graph", "lintmigrations"])
    found.compare("seconds", "lintmigrations", "load_graph", at_most=1.25)
    found.compare("CPU seconds", "lintmigrations", "load_graph", at_most=1.25)
    found.compare("peak memory MiB", "lintmigrations", "load_graph", at_most=1.3)
    return found


def measure_peers(laboratory: Laboratory, options: Options) -> Findings:
    """The same of other linters, once: they take minutes."""
    once = replace(options, runs=1)
    found = alternate_commands(laboratory, once, ["lintmigrations", *AS_PACKAGES])
    compare_with_peer(found, "django-migration-linter", at_least=10)
    compare_with_peer(found, "django-safe-migrations", at_least=2)
    return found


def compare_with_peer(found: Findings, peer: str, *, at_least: float) -> None:
    """Say how many times as long the peer takes, if it is there."""
    if is_installed(peer):
        found.compare("seconds", peer, "lintmigrations", at_least=at_least)
        found.compare("CPU seconds", peer, "lintmigrations")
    else:
        print(f"  {peer} is left out: pip install 'django-zero-downtime[benchmarks]' installs it.")


def is_installed(name: str) -> bool:
    """Tell whether the command can be run; those of other packages may be missing."""
    return name not in AS_PACKAGES or find_spec(AS_PACKAGES[name]) is not None


def alternate_commands(laboratory: Laboratory, options: Options, names: list[str]) -> Findings:
    """Run those of the commands that can be run, on one project with an empty database."""
    with (
        tempfile.TemporaryDirectory() as folder,
        laboratory.fresh_database("empty", lambda url: None) as url,
    ):
        directory = Path(folder)
        Project(directory).write(options.size, database_settings(url))
        # Has Python compile the migrations.
        run_once(directory, COMMANDS["load_graph"])
        subjects = {
            name: partial(run_once, directory, COMMANDS[name])
            for name in names
            if is_installed(name)
        }
        return alternate(subjects, options.runs)


def run_once(directory: Path, command: Command) -> dict[str, float]:
    """Run a command of the project in `directory`, and return what that took."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    # What Python has compiled once it need not compile again, as anywhere.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    cpu, started = children_cpu(), time.perf_counter()
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.lint.manage"),
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
