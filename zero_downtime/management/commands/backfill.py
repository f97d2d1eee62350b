"""`manage.py backfill`: move the rows that large tables still have to move."""

from __future__ import annotations

import json
import signal
import sys
import threading
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime import executors
from zero_downtime.backfills import controls, registry, statuses, workers
from zero_downtime.backfills.preview import preview
from zero_downtime.backfills.progress import progress_for
from zero_downtime.backfills.statuses import Status
from zero_downtime.backfills.verification import verify
from zero_downtime.backfills.work import CopyColumn, Work
from zero_downtime.errors import Refused
from zero_downtime.executors.turns import UNFINISHED, Turn
from zero_downtime.models import Backfill
from zero_downtime.operations.backfill_operation import load_work
from zero_downtime.postgres.direct import direct, is_without_session, no_session, which_way

LOCAL = "local"
EXECUTORS = (LOCAL, "celery", "tasks")

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

# What can be done to backfills by name, and what is said when it is done.
CONTROLS: dict[str, tuple[Callable[[BaseDatabaseWrapper, Backfill], Backfill], str]] = {
    "pause": (controls.pause, "Let workers finish their batch and wait until it is resumed."),
    "resume": (controls.resume, "Let a paused one go on: waiting workers, or the next command."),
    "cancel": (controls.cancel, "Let workers finish their batch and stop for good."),
}
# Left alone unless they are called by name.
SKIPPED = (Status.PAUSING, Status.PAUSED, Status.CANCELLED)


def _at_least(smallest: float, kind: type[int] | type[float]) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            raise ArgumentTypeError(f"{text!r} is not a number") from None
        if not smallest <= number < float("inf"):
            raise ArgumentTypeError(f"{text} is less than {smallest}, or too much")
        return number

    return parse


class Command(BaseCommand):
    """Run, list, verify, repair and control backfills."""

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
            "--dry-run",
            action="store_true",
            help="Say what would be done and how long it would take; change nothing.",
        )
        action.add_argument(
            "--verify", action="store_true", help="Compare both sides in every row; change nothing."
        )
        action.add_argument(
            "--repair", action="store_true", help="Go through all rows again and make them equal."
        )
        for name, (_, meaning) in CONTROLS.items():
            action.add_argument(f"--{name}", action="store_true", help=meaning)
        action.add_argument(
            "--retry", action="store_true", help="Run what failed or was cancelled once more."
        )
        action.add_argument(
            "--tune",
            action="store_true",
            help="Only change the pace given by the options below, of workers at work too.",
        )
        parser.add_argument("--json", action="store_true", help="With --list: print JSON.")
        parser.add_argument(
            "--workers",
            type=_at_least(1, int),
            default=1,
            metavar="N",
            help="How many workers this command runs, or enqueues for each backfill (default 1).",
        )
        parser.add_argument(
            "--executor",
            choices=EXECUTORS,
            default=LOCAL,
            help="Run the workers here, or enqueue them: as tasks of Celery, or of Django's own "
            "Tasks framework (default local).",
        )
        pace = parser.add_argument_group("pace", "Kept with the backfill; 0 for the settings' own.")
        pace.add_argument("--batch-size", type=_at_least(0, int), metavar="ROWS")
        pace.add_argument("--target-duration", type=_at_least(0, float), metavar="SECONDS")
        pace.add_argument(
            "--max-rate",
            type=_at_least(0, float),
            metavar="ROWS",
            help="Rows per second of all workers together.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the options say. Exit 1 when a backfill failed or rows differ."""
        self.progress_stream: TextIO = options.get("stderr") or sys.stderr
        self.workers: int = options["workers"]
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            raise Refused(f"Database {connection.alias!r} is not PostgreSQL: it has no backfills.")
        with direct(connection) as way:
            if way is not connection:
                self.progress_stream.write(f"{which_way(way)}\n")
            self.has_session = not is_without_session(way, connection)
            self.handle_backfills(way, options)

    def handle_backfills(self, connection: BaseDatabaseWrapper, options: dict[str, Any]) -> None:
        """Do so by this connection."""
        pace = {
            "batch_size": options["batch_size"],
            "target_seconds": options["target_duration"],
            "max_rate": options["max_rate"],
        }
        self._check_usage(options, pace)
        executor = options["executor"]
        self.enqueue = None if executor == LOCAL else executors.queue(executor)
        names = options["names"]
        backfills = registry.select(connection, names)
        if options["list_only"]:
            self.show(connection, backfills, as_json=options["json"])
            return
        if options["verify"]:
            self.verify(connection, self.copies(connection, backfills, names))
            return
        for name, (control, _) in CONTROLS.items():
            if options[name]:
                self.control(connection, backfills, control)
                return
        if not names and not options["repair"]:
            backfills = [each for each in backfills if each.status not in SKIPPED]
        if not (options["dry_run"] or options["tune"]):
            self._check_session(connection, backfills, repair=options["repair"])
        if options["repair"]:
            copies = self.copies(connection, backfills, names)
            backfills = [controls.start_over(connection, each) for each, _ in copies]
        elif options["retry"]:
            backfills = [controls.retry(connection, each) for each in backfills]
        if options["dry_run"]:
            self.preview(connection, backfills)
            return
        if any(value is not None for value in pace.values()):
            backfills = [controls.tune(connection, each, **pace) for each in backfills]
        if options["tune"]:
            for backfill in backfills:
                self.stdout.write(f"{backfill.name}: {backfill.pace}")
        else:
            self.run(connection, backfills)

    def _check_usage(self, options: dict[str, Any], pace: dict[str, float | None]) -> None:
        if options["json"] and not options["list_only"]:
            raise Refused("--json goes with --list.", returncode=EXIT_USAGE)
        if options["tune"] and all(value is None for value in pace.values()):
            raise Refused(
                "--tune goes with --batch-size, --target-duration or --max-rate.",
                returncode=EXIT_USAGE,
            )
        for name in (*CONTROLS, "retry", "tune"):
            if options[name] and not options["names"]:
                raise Refused(f"--{name} needs the NAME of a backfill.", returncode=EXIT_USAGE)

    def _check_session(
        self, connection: BaseDatabaseWrapper, backfills: list[Backfill], *, repair: bool
    ) -> None:
        """Refuse to move rows here by a session that is not ours; elsewhere, the tasks do so."""
        has_work = repair or any(each.status != Status.SUCCEEDED for each in backfills)
        if has_work and self.enqueue is None and not self.has_session:
            raise no_session(connection.alias, workers.NEED_SESSION)

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
            for detail in details(listed):
                self.stdout.write(f"  {detail}")
        if not backfills:
            self.stdout.write("No backfill is registered.")

    def preview(self, connection: BaseDatabaseWrapper, backfills: list[Backfill]) -> None:
        """Say of each backfill that has not finished what running it would be like."""
        for backfill in backfills:
            if backfill.status != Status.SUCCEEDED:
                self.stdout.write(f"{backfill.name}  {backfill.status}  table {backfill.table}")
                work = load_work(connection, backfill.name)
                for line in preview(connection, backfill, work).lines:
                    self.stdout.write(f"  {line}")

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

    def control(
        self,
        connection: BaseDatabaseWrapper,
        backfills: list[Backfill],
        control: Callable[[BaseDatabaseWrapper, Backfill], Backfill],
    ) -> None:
        """Pause, resume or cancel, and say what became of it."""
        for backfill in backfills:
            controlled = control(connection, backfill)
            waits = controlled.status != Status.PENDING or registry.workers_at(
                connection, controlled
            )
            hint = "" if waits else f"; go on with: {statuses.how_to_go_on(controlled)}"
            self.stdout.write(f"{controlled.name}: {controlled.status}{hint}")

    def run(self, connection: BaseDatabaseWrapper, backfills: list[Backfill]) -> None:
        """Run each backfill that has not finished, one after the other."""
        unfinished = [each for each in backfills if each.status != Status.SUCCEEDED]
        if not unfinished:
            self.stdout.write("Nothing to do: no backfill is pending.")
        problems = []
        for backfill in unfinished:
            try:
                finished = self.run_one(connection, backfill)
            except Refused as refusal:
                if refusal.returncode == EXIT_INTERRUPTED:
                    raise
                problems.append(str(refusal))
                continue
            self.stdout.write(f"{finished.name}: {self.outcome(finished)}")
            if finished.status == Status.FAILED:
                problems.append(failure(finished))
        if problems:
            raise Refused("\n".join(problems))

    def outcome(self, backfill: Backfill) -> str:
        """Return what became of a backfill that was run, or enqueued."""
        if self.enqueue is None or backfill.status not in UNFINISHED:
            return f"{backfill.status}, {backfill.rows_done} rows"
        tasks = "1 task" if self.workers == 1 else f"{self.workers} tasks"
        return f"{tasks} enqueued; watch it with: manage.py backfill --list {backfill.name}"

    def run_one(self, connection: BaseDatabaseWrapper, backfill: Backfill) -> Backfill:
        """Run one backfill, here or by way of a queue, if its status allows that."""
        if backfill.status == Status.FAILED:
            raise Refused(failure(backfill))
        if backfill.status in SKIPPED:
            raise Refused(
                f"Backfill {backfill.name} is {backfill.status}. "
                f"Go on with: {statuses.how_to_go_on(backfill)}"
            )
        work = load_work(connection, backfill.name)
        if self.enqueue is None:
            return self.run_here(connection, backfill, work)
        turn = Turn(connection.alias, backfill.name, self.workers)
        try:
            for _ in range(self.workers):
                self.enqueue(turn)
        except KeyboardInterrupt:
            raise stopped(backfill) from None
        backfill.refresh_from_db(using=connection.alias)
        return backfill

    def run_here(self, connection: BaseDatabaseWrapper, backfill: Backfill, work: Work) -> Backfill:
        """Run one backfill to its end, showing progress."""
        progress = progress_for(backfill, self.progress_stream)
        stop = threading.Event()
        try:
            with finishing_the_batch_on_ctrl_c(stop, self.progress_stream):
                backfill = workers.run(connection, backfill, work, self.workers, progress, stop)
        except KeyboardInterrupt:
            stop.set()
        finally:
            progress.close()
        if stop.is_set() and backfill.status != Status.SUCCEEDED:
            raise stopped(backfill)
        return backfill


def stopped(backfill: Backfill) -> Refused:
    """Return what Ctrl-C leads to."""
    return Refused(
        f"Stopped. Every finished batch of {backfill.name} is safe; "
        f"go on with: manage.py backfill {backfill.name}",
        returncode=EXIT_INTERRUPTED,
    )


def details(listed: dict[str, Any]) -> list[str]:
    """Return what there is to say of a backfill besides how far it is."""
    found = []
    if listed["workers"]:
        rate, seconds_left = listed["rate"] or 0, listed["eta_seconds"]
        left = "" if seconds_left is None else f", about {seconds_left} s left"
        found.append(f"workers: {listed['workers']}, {rate:.0f} rows/s{left}")
    if listed["throttled_by"]:
        found.append(listed["throttled_by"])
    if listed["failed_batches"]:
        found.append(f"{listed['failed_batches']} rows failed, the first at {listed['error']}")
    return found


def failure(backfill: Backfill) -> str:
    """Return what failed and how to go on."""
    rows = backfill.failed_batches
    many = f"{rows} rows cannot be moved, the first at" if rows > 1 else "at"
    return (
        f"Backfill {backfill.name} failed: {many} {backfill.error}\n"
        f"Mend the cause, then run: {statuses.how_to_go_on(backfill)}"
    )


@contextmanager
def finishing_the_batch_on_ctrl_c(stop: threading.Event, stream: TextIO) -> Iterator[None]:
    """Let the first Ctrl-C set `stop`, and the second break off as usual."""

    def ask_to_stop(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, former)
        stream.write("\nFinishing the batch; Ctrl-C again breaks it off.\n")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
