"""`manage.py backfill`: move the rows that large tables still have to move."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any, TextIO

from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills import registry
from zero_downtime.backfills.progress import progress_for
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.verification import verify
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill
from zero_downtime.operations.backfill_operation import load_work

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class Command(BaseCommand):
    """Run, list, verify and repair backfills."""

    help = "Move the rows of registered backfills, in batches, while the application runs."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the command line."""
        parser.add_argument(
            "names", nargs="*", metavar="NAME", help="Backfills to run; all pending ones if none."
        )
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help="The database whose rows are moved.",
        )
        action = parser.add_mutually_exclusive_group()
        action.add_argument(
            "--list", action="store_true", dest="list_only", help="Show backfills and their state."
        )
        action.add_argument(
            "--verify", action="store_true", help="Compare both sides in every row; change nothing."
        )
        action.add_argument(
            "--repair", action="store_true", help="Go through all rows again and make them equal."
        )
        parser.add_argument("--json", action="store_true", help="With --list: print JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the options say. Exit 1 when a backfill failed or rows differ."""
        self.progress_stream: TextIO = options.get("stderr") or sys.stderr
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            raise Refused(f"Database {connection.alias!r} is not PostgreSQL: it has no backfills.")
        if options["json"] and not options["list_only"]:
            raise Refused("--json goes with --list.", returncode=EXIT_USAGE)
        backfills = registry.select(connection, options["names"])
        if options["list_only"]:
            self.show(connection, backfills, as_json=options["json"])
        elif options["verify"]:
            self.verify(connection, self.copies(connection, backfills, options["names"]))
        elif options["repair"]:
            copies = self.copies(connection, backfills, options["names"])
            self.run(connection, [registry.start_over(connection, each) for each, _ in copies])
        else:
            self.run(connection, backfills)

    def show(
        self, connection: BaseDatabaseWrapper, backfills: list[Backfill], *, as_json: bool
    ) -> None:
        """Print the state of the backfills."""
        listing = registry.listing(connection, backfills)
        if as_json:
            self.stdout.write(json.dumps(listing, indent=2))
            return
        for listed in listing["backfills"]:
            self.stdout.write(
                "{name}  {status}  {rows_done}/{rows_estimated} rows".format(**listed)
            )
            if listed["error"]:
                self.stdout.write(f"  {listed['error']}")
        if not backfills:
            self.stdout.write("No backfill is registered.")

    def copies(
        self, connection: BaseDatabaseWrapper, backfills: list[Backfill], names: list[str]
    ) -> list[tuple[Backfill, CopyColumn]]:
        """Return the backfills that have two sides, and what they do.

        Doing a computation again might do it twice. One that was asked for by name is refused.
        """
        found = []
        for backfill in backfills:
            if backfill.is_contracted:
                problem = (
                    f"Backfill {backfill.name} belongs to a transition that is contracted: only "
                    "one side is left, so there is nothing to compare or repair."
                )
            else:
                work = load_work(connection, backfill.name)
                if isinstance(work, CopyColumn):
                    found.append((backfill, work))
                    continue
                problem = (
                    f"Backfill {backfill.name} computes its values: there is no second side to "
                    "compare them with, and computing them again might change them."
                )
            if names:
                raise Refused(problem)
        return found

    def verify(
        self, connection: BaseDatabaseWrapper, copies: list[tuple[Backfill, CopyColumn]]
    ) -> None:
        """Compare both sides in every row."""
        differing = []
        for backfill, work in copies:
            comparison = verify(connection, backfill, work)
            self.stdout.write(f"{backfill.name}: {comparison}")
            if not comparison.equal:
                differing.append(backfill.name)
        if differing:
            raise Refused(
                f"Rows differ. Make them equal with: "
                f"manage.py backfill {' '.join(differing)} --repair"
            )

    def run(self, connection: BaseDatabaseWrapper, backfills: list[Backfill]) -> None:
        """Run each backfill that has not finished, one after the other."""
        unfinished = [each for each in backfills if each.status != Backfill.Status.SUCCEEDED]
        if not unfinished:
            self.stdout.write("Nothing to do: no backfill is pending.")
        problems = []
        for backfill in unfinished:
            try:
                finished = self.run_one(connection, backfill)
            except KeyboardInterrupt:
                raise Refused(
                    f"Stopped. Every finished batch of {backfill.name} is safe; "
                    f"go on with: manage.py backfill {backfill.name}",
                    returncode=EXIT_INTERRUPTED,
                ) from None
            except Refused as refusal:
                problems.append(str(refusal))
                continue
            self.stdout.write(f"{finished.name}: {finished.status}, {finished.rows_done} rows")
            if finished.status == Backfill.Status.FAILED:
                problems.append(
                    f"Backfill {finished.name} failed at {finished.error}\n"
                    "Mend the cause, then run the same command again: it goes on where it stopped."
                )
        if problems:
            raise Refused("\n".join(problems))

    def run_one(self, connection: BaseDatabaseWrapper, backfill: Backfill) -> Backfill:
        """Run one backfill to its end, showing progress."""
        work = load_work(connection, backfill.name)
        progress = progress_for(backfill, self.progress_stream)
        try:
            return Runner(connection, backfill, work, progress).run()
        finally:
            progress.close()
