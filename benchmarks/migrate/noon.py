"""What clients notice of a migration while they are at work."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg

from benchmarks.benchmark import Options
from benchmarks.commands import Command, run_once
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory
from benchmarks.migrate.project import COMMANDS, OURS, write_settings
from tests.support.noon import shop
from tests.support.noon.load import at_noon

CUSTOMERS = 100_000
REPORT_SECONDS = 30.0
# Clients go on that long after the migration: what it has changed may refuse their statements.
AFTERWARDS_SECONDS = 1.0


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Longest wait and errors of clients during a migration of 20 operations, by each command."""
    with tempfile.TemporaryDirectory() as folder:
        subjects = {}
        for name, command in COMMANDS.items():
            directory = Path(folder) / command.settings
            directory.mkdir()
            write_settings(directory, [shop.APP])
            shop.write_app(directory, concurrently=name == OURS)
            subjects[name] = partial(migrate_at_noon, laboratory, directory, command)
        # One takes a minute, and they do not differ by per cents.
        return alternate(subjects, 1)


def migrate_at_noon(laboratory: Laboratory, directory: Path, command: Command) -> dict[str, float]:
    """Run the migration of 20 operations, and return what the clients noticed."""
    with laboratory.fresh_database("shop", partial(shop.build, rows=CUSTOMERS)) as url:
        database = {"DATABASE_URL": url}
        has_first = Command(command.settings, ("migrate", "--fake", shop.APP, "0001"))
        run_once(directory, has_first, database)
        with at_noon(url, CUSTOMERS, REPORT_SECONDS) as noon:
            # A deadlock with a client may end it: the server chooses one of the two.
            figures = run_once(directory, replace(command, exits_with=(0, 1)), database)
            time.sleep(AFTERWARDS_SECONDS)
        with psycopg.connect(url) as connection:
            query = "SELECT FROM django_migrations WHERE app = %s AND name = %s"
            applied = connection.execute(query, [shop.APP, shop.TWENTY_NAME]).fetchone()
    return {
        "applied": float(applied is not None),
        "longest wait, seconds": noon.longest_wait,
        "waits of more than 1.05 s": sum(request.seconds > 1.05 for request in noon.requests),
        "errors": len(noon.errors),
        "requests": len(noon.requests),
        "seconds": figures["seconds"],
    }
