"""What the guard costs where there is nothing to guard: an empty database."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from benchmarks.benchmark import Options
from benchmarks.commands import Command, run_once
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory
from benchmarks.migrate.project import (
    COMMANDS,
    OURS,
    STOCK,
    STOCK_WITH_OUR_APP,
    WITH_OUR_APP,
    write_trivial_project,
)
from tests.support.databases import temporary_database


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Seconds and CPU of all migrations on an empty database, against stock `migrate`.

    That is Django's command, on the same project, and on one without our app and its tables.
    """
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write_trivial_project(directory, options.size)
        commands = COMMANDS | {STOCK_WITH_OUR_APP: WITH_OUR_APP}
        for command in commands.values():  # has Python compile the migrations
            migrate(laboratory, directory, command)
        subjects = {
            name: partial(migrate, laboratory, directory, command)
            for name, command in commands.items()
        }
        found = alternate(subjects, options.runs)
    found.compare("seconds", OURS, STOCK_WITH_OUR_APP, at_most=1.1)
    found.compare("CPU seconds", OURS, STOCK_WITH_OUR_APP)
    found.compare("seconds", OURS, STOCK)
    found.compare("CPU seconds", OURS, STOCK)
    return found


def migrate(laboratory: Laboratory, directory: Path, command: Command) -> dict[str, float]:
    """Run the command on a database of its own, and return what that took."""
    with temporary_database(laboratory.server.url) as url:
        with laboratory.stopwatch() as elapsed:
            figures = run_once(directory, command, {"DATABASE_URL": url})
        return figures | {"server CPU seconds": elapsed.server_cpu}
