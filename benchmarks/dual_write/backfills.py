"""The backfill of a rename, whose own writes the triggers see as well."""

from __future__ import annotations

from functools import partial

from benchmarks.backfill.contenders import run_engine
from benchmarks.benchmark import Options
from benchmarks.dual_write.people import (
    NEW,
    OLD,
    TABLE,
    Install,
    People,
    count_unequal,
    no_triggers,
    ours,
)
from benchmarks.figures import Findings, alternate
from benchmarks.laboratory import Laboratory
from tests.support.django_database import django_connected_to
from zero_downtime.backfills.work import CopyColumn


def measure(laboratory: Laboratory, options: Options) -> Findings:
    """Rows per second of the backfill, with triggers on its table and without."""
    triggers: dict[str, Install] = {"no triggers": no_triggers, "dual write": ours}
    found = alternate(
        {
            name: partial(run_once, laboratory, People(options.size, install, filled=False))
            for name, install in triggers.items()
        },
        options.runs,
    )
    found.compare("rows/s", "dual write", "no triggers", at_least=0.9)
    found.compare("server CPU us/row", "dual write", "no triggers")
    return found


def run_once(laboratory: Laboratory, people: People) -> dict[str, float]:
    """Fill the second column of a table in which it is empty, and return what that took."""
    with (
        laboratory.fresh_database(people, people.build) as url,
        django_connected_to(url) as connection,
    ):
        connection.ensure_connection()
        with laboratory.stopwatch() as elapsed:
            run_engine(connection, lambda rows: None, CopyColumn(TABLE, OLD, NEW))
        if unequal := count_unequal(connection):
            raise RuntimeError(f"{unequal} rows have not been filled.")
    return elapsed.figures(people.rows)
