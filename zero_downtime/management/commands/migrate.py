"""`manage.py migrate`, guarded."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.commands.migrate import Command as DjangoCommand
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor

from zero_downtime import conf
from zero_downtime.backfills import statuses
from zero_downtime.errors import Refused
from zero_downtime.guard import phase, safety
from zero_downtime.guard.accepting import accept_edited
from zero_downtime.guard.decision import decide
from zero_downtime.guard.history import as_line, history
from zero_downtime.guard.journal import Journal
from zero_downtime.guard.migrating import Command as GuardedCommand
from zero_downtime.guard.migrating import GuardedMigrate, Request
from zero_downtime.guard.plan import HoldBack, Options
from zero_downtime.guard.session import session
from zero_downtime.guard.showing import describe_step
from zero_downtime.guard.targets import Target, find_targets
from zero_downtime.guard.under_way import describe_transitions
from zero_downtime.guard.waits import counted
from zero_downtime.lint.edited import edited
from zero_downtime.models import Backfill, JournalEntry
from zero_downtime.postgres import catalog
from zero_downtime.postgres.blockers import HOW, BlockerPolicy
from zero_downtime.postgres.direct import which_way

# Django hands (action, migration) to its progress callback around every migration.
_STARTS = {"apply_start", "unapply_start"}
_OUTCOMES = {
    "apply_success": JournalEntry.Outcome.APPLIED,
    "unapply_success": JournalEntry.Outcome.UNAPPLIED,
}


class GuardedMigrateMixin:
    """Puts lock discipline, refusals and gates around a `migrate` command.

    It uses no more of the command than `handle()` and `migration_progress_callback()`, so it can
    stand before another package's `migrate` as well as before Django's.
    """

    guarded: GuardedMigrate | None = None
    verbosity: int
    stdout: Any
    stderr: Any
    style: Any

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Define the command line."""
        super().add_arguments(parser)  # type: ignore[misc]
        parser.add_argument(
            "--phase",
            choices=phase.NAMES,
            help="Apply only what belongs before the deploy (expand), or after it (contract).",
        )
        parser.add_argument(
            "--unsafe", metavar="REASON", help="Apply unsafe migrations; the reason is recorded."
        )
        parser.add_argument(
            "--on-blocker",
            choices=HOW,
            help="What is done to sessions in the way of a lock. Default: what ON_BLOCKER says.",
        )
        parser.add_argument(
            "--blocker-age",
            metavar="SECONDS",
            type=float,
            help="Only to transactions that have lasted longer. Default: what BLOCKER_AGE says.",
        )
        parser.add_argument(
            "--history", action="store_true", help="Show the journal of migrations and exit."
        )
        parser.add_argument(
            "--no-resume",
            action="store_false",
            dest="resume",
            help="Begin migrations that did not end anew, instead of where they were left.",
        )
        parser.add_argument("--json", action="store_true", help="With --history: print JSON.")
        parser.add_argument(
            "--accept-edited",
            action="store_true",
            help="Take the files of applied migrations as they are now, and exit.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; hold back and refuse what must not run now."""
        connection = connections[options["database"]]
        if options["history"]:
            self.show_history(connection, as_json=options["json"])
        elif options["accept_edited"]:
            self.accept_edited(connection, options)
        elif connection.vendor != "postgresql":
            self.stderr.write(
                f"zero_downtime: database {connection.alias!r} is not PostgreSQL; "
                "its operations behave like Django's own."
            )
            super().handle(*args, **options)  # type: ignore[misc]
        elif options["run_syncdb"] and options["app_label"]:  # of an app without migrations
            self.migrate(connection, args, options)
        else:
            self.handle_migrations(connection, args, options)

    def handle_migrations(
        self, connection: BaseDatabaseWrapper, args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        """Do what is asked for about migrations of a PostgreSQL database."""
        self.verbosity = options["verbosity"]
        progress: Any = self.migration_progress_callback
        executor = MigrationExecutor(connection, progress)
        executor.loader.check_consistent_history(connection)
        targets = find_targets(executor.loader, options["app_label"], options["migration_name"])
        if executor.loader.detect_conflicts():
            super().handle(*args, **options)  # type: ignore[misc]  # says so, in Django's words
        elif options["plan"]:
            try:
                super().handle(*args, **options)  # type: ignore[misc]
            except SystemExit:  # with --check
                self.show_plan(connection, executor, targets, options)
                raise
            self.show_plan(connection, executor, targets, options)
        elif options["check_unapplied"]:
            super().handle(*args, **options)  # type: ignore[misc]
        elif options["phase"] and (options["fake"] or options["prune"]):
            raise Refused(
                "--phase is about applying migrations; --fake and --prune change only the record "
                "of them. Leave it out.",
                returncode=2,
            )
        else:
            self.migrate(connection, args, options, executor)

    def migrate(
        self,
        connection: BaseDatabaseWrapper,
        args: tuple[Any, ...],
        options: dict[str, Any],
        executor: MigrationExecutor | None = None,
    ) -> None:
        """Do it while nobody else does, and say what has to be done next.

        Args:
            executor: None if it is not about migrations.
        """
        self.verbosity = options["verbosity"]
        stock_handle = super().handle  # type: ignore[misc]

        def handle(**aim: Any) -> None:
            stock_handle(*args, **{**options, **aim})

        command = GuardedCommand(handle, self.stderr.write)
        with (
            session(connection, _policy(options)) as way,
            counted(connection.alias) as waits,
            way.lock_discipline(),
        ):
            if way.connection is not connection and self.verbosity >= 1:
                self.stdout.write(which_way(connection))
            journal = Journal(way.connection, options["unsafe"] or "", waits)
            self.guarded = GuardedMigrate(way, _request(options), journal, command)
            if executor is None or options["fake"] or options["prune"]:
                self.guarded.run()  # no schema is changed that anybody could be using
            else:
                held_back = self.guarded.migrate(executor)
                self.report(way.connection, held_back)
                if options["phase"] == phase.Phase.EXPAND:
                    safety.let_deploy(held_back)

    def show_plan(
        self,
        connection: BaseDatabaseWrapper,
        executor: MigrationExecutor,
        targets: Sequence[Target],
        options: dict[str, Any],
    ) -> None:
        """Say what would become of the planned migrations, and what is under way."""
        from zero_downtime.guard.foresight import expected

        steps = executor.migration_plan(targets)
        if steps and not any(backwards for _, backwards in steps):
            unapplied = [migration for migration, _ in steps]
            decision = decide(connection, executor, unapplied, _options(options))
            decided = decision.plan
            for line in expected(connection, executor.loader, unapplied, decision.survey):
                self.stdout.write(line)
            self.stdout.write("What becomes of them:", self.style.MIGRATE_LABEL)
            for step in decided.steps:
                for line in describe_step(step, executor.loader):
                    self.stdout.write(f"  {line}")
            if decided.refused:
                self.stdout.write("\n".join(safety.how_to_go_on(decided.refused)))
        applied = edited(connection, executor.loader.graph.nodes.values())
        if applied:
            self.stdout.write("Applied, and edited since:")
        for each in applied:
            self.stdout.write(f"  {each}")
        lines = list(describe_transitions(connection))
        if lines:
            self.stdout.write("Under way:")
        for line in lines:
            self.stdout.write(f"  {line}")

    def migration_progress_callback(
        self, action: str, migration: Migration | None = None, fake: bool = False
    ) -> None:
        """Let what is about to run be taken over, and show progress as the command does."""
        if self.guarded is not None and migration is not None:
            if action in _STARTS:
                self.guarded.starts(migration, is_backwards=action == "unapply_start")
            elif action in _OUTCOMES:
                self.guarded.ends(JournalEntry.Outcome.FAKED if fake else _OUTCOMES[action])
        super().migration_progress_callback(action, migration, fake)  # type: ignore[misc]

    def report(self, connection: BaseDatabaseWrapper, held_back: Sequence[HoldBack]) -> None:
        """Say what is held back and which backfills are to be run."""
        if self.verbosity < 1:
            return
        if held_back:
            self.stdout.write(self.style.WARNING("Held back:"))
        for held in held_back:
            self.stdout.write(f"  {held}")
        if not catalog.table_exists(connection, Backfill._meta.db_table):
            return
        backfills = Backfill.objects.using(connection.alias).select_related("transition")
        for backfill in backfills.exclude(status=Backfill.Status.SUCCEEDED):
            self.stdout.write(
                f"Backfill {backfill.name} is {backfill.status}, about "
                f"{backfill.rows_estimated} rows. Run: {statuses.how_to_go_on(backfill)}"
            )
            if transition := backfill.transition:
                self.stdout.write(
                    f"  Until it has, code that uses {transition.unfilled_name!r} of "
                    f"{transition.app_label}.{transition.model_name} reads NULL in rows that "
                    "nobody has filled."
                )

    def accept_edited(self, connection: BaseDatabaseWrapper, options: dict[str, Any]) -> None:
        """Take the files of applied migrations as they are now."""
        accepted = accept_edited(connection, options["app_label"], options["migration_name"])
        for each in accepted:
            self.stdout.write(f"{each.name} is taken as it is now.")
        if not accepted:
            self.stdout.write("No applied migration has been edited.")

    def show_history(self, connection: BaseDatabaseWrapper, *, as_json: bool) -> None:
        """Print the journal."""
        document = history(connection)
        if as_json:
            self.stdout.write(json.dumps(document, indent=2))
            return
        for entry in document["migrations"]:
            self.stdout.write(as_line(entry))


def _request(options: dict[str, Any]) -> Request:
    return Request(
        app_label=options["app_label"],
        migration_name=options["migration_name"],
        run_syncdb=options["run_syncdb"],
        options=_options(options),
        resumes=options["resume"],
    )


def _options(options: dict[str, Any]) -> Options:
    return Options(
        phase=phase.Phase(options["phase"]) if options["phase"] else None,
        policy=conf.get("MIGRATE"),
        unsafe=options["unsafe"] or "",
    )


def _policy(options: dict[str, Any]) -> BlockerPolicy:
    configured = BlockerPolicy.configured()
    age = options["blocker_age"]
    return BlockerPolicy(
        how=options["on_blocker"] or configured.how,
        age=configured.age if age is None else age,
    )


class Command(GuardedMigrateMixin, DjangoCommand):
    """Django's `migrate` that can be run while the application is."""
