"""Whole commands, from the start of Python to its end, on the same project."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from benchmarks.benchmark import Options
from benchmarks.commands import Command, run_once
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory
from benchmarks.lint.project import PEERS, Project
from devtools.database_url import database_settings

AS_PACKAGES = {name.replace("_", "-"): name for name in PEERS}


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
