"""`manage.py migrate`, guarded."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.management.commands.migrate import Command as DjangoCommand
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from zero_downtime import conf
from zero_downtime.backfills import statuses
from zero_downtime.errors import Refused
from zero_downtime.guard import phase, safety
from zero_downtime.guard.decision import decide
from zero_downtime.guard.history import history
from zero_downtime.guard.journal import Journal
from zero_downtime.guard.plan import HoldBack, MigrationKey, Options
from zero_downtime.guard.running import Runner
from zero_downtime.guard.session import OwnSession, session
from zero_downtime.guard.showing import describe_step
from zero_downtime.guard.targets import Target, find_targets
from zero_downtime.guard.under_way import describe_transitions
from zero_downtime.guard.waits import counted
from zero_downtime.guard.way_back import require_way_back
from zero_downtime.models import Backfill, JournalEntry
from zero_downtime.postgres import catalog, errors
from zero_downtime.postgres.blockers import HOW, BlockerPolicy
from zero_downtime.postgres.direct import which_way
from zero_downtime.postgres.locks import retry_lock_failures
from zero_downtime.transitions.unused import nobody_uses

if TYPE_CHECKING:
    from zero_downtime.guard.rights import Needs

OWN_APP = "zero_downtime"

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

    session: OwnSession
    runner: Runner | None = None
    substitutes: Mapping[MigrationKey, Mapping[int, Sequence[Operation]]] = {}
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

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; hold back and refuse what must not run now."""
        connection = connections[options["database"]]
        if options["history"]:
            self.show_history(connection, as_json=options["json"])
        elif connection.vendor != "postgresql":
            self.stderr.write(
                f"zero_downtime: database {connection.alias!r} is not PostgreSQL; "
                "its operations behave like Django's own."
            )
            super().handle(*args, **options)  # type: ignore[misc]
        elif options["run_syncdb"] and options["app_label"]:  # of an app without migrations
            super().handle(*args, **options)  # type: ignore[misc]
        else:
            self.handle_migrations(connection, args, options)

    def handle_migrations(
        self, connection: BaseDatabaseWrapper, args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        """Do what is asked for about migrations of a PostgreSQL database."""
        self.verbosity = options["verbosity"]
        executor = MigrationExecutor(connection)
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
        elif options["fake"] or options["prune"]:
            if options["phase"]:
                raise Refused(
                    "--phase is about applying migrations; --fake and --prune change only the "
                    "record of them. Leave it out.",
                    returncode=2,
                )
            super().handle(*args, **options)  # type: ignore[misc]
        else:
            self.migrate(connection, args, options)

    def migrate(
        self, connection: BaseDatabaseWrapper, args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        """Apply or unapply what may run now, and say what may not."""
        policy = _policy(options)
        with session(connection, policy) as self.session, counted(connection.alias) as waits:
            if self.session.connection is not connection and self.verbosity >= 1:
                self.stdout.write(which_way(connection))
            connection = self.session.connection
            journal = Journal(connection, reason=options["unsafe"] or "", waits=waits)
            self.runner = Runner(connection, journal, resumes=options["resume"])
            self.migrate_in_turn(connection, args, options)

    def migrate_in_turn(
        self, connection: BaseDatabaseWrapper, args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        """Do so while nobody else does."""
        assert self.runner is not None
        executor = MigrationExecutor(connection)
        targets = find_targets(executor.loader, options["app_label"], options["migration_name"])
        steps = executor.migration_plan(targets)
        backwards = [migration for migration, is_backwards in steps if is_backwards]
        if backwards:
            self.migrate_back(connection, executor.loader, backwards, args, options)
            return
        others = [migration for migration, _ in steps if migration.app_label != OWN_APP]
        decided = decide(connection, executor, others, _options(options))
        if decided.plan.refused:
            raise safety.refusal(decided.plan.refused)
        if decided.plan.unsafe and not options["unsafe"]:
            unsafe = safety.describe(decided.plan.unsafe)
            self.stderr.write(f"Unsafe migrations are applied:\n{unsafe}")
        if decided.survey is not None:
            self.require_rights(decided.survey.needs(connection), connection, options)
            self.runner.expected_locks = decided.survey.locks
        else:
            self.runner.nobody_else_is_there()
        self.substitutes = decided.plan.substitutes
        runs = set(decided.plan.run)
        running = [each for each in others if (each.app_label, each.name) in runs]
        self.session.accept(running, self.substitutes)
        if options["app_label"] != OWN_APP:
            self.create_own_tables(connection)
        with nobody_uses(decided.facts.unused):
            if decided.plan.held_back:
                self.run_in_parts(connection, args, options, executor.loader, decided.plan.targets)
            else:
                self.run_guarded(connection, args, options)
        self.report(connection, decided.plan.held_back)

    def migrate_back(
        self,
        connection: BaseDatabaseWrapper,
        loader: MigrationLoader,
        migrations: Sequence[Migration],
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> None:
        """Unapply migrations: nothing is judged, and nothing held back."""
        if options["phase"]:
            raise Refused(
                "--phase is about applying migrations; there is none in going back. Leave it out.",
                returncode=2,
            )
        require_way_back(migrations)
        self.session.accept(migrations)
        from zero_downtime.guard.foresight import needs_of_way_back

        needs = needs_of_way_back(connection, loader, migrations)
        self.require_rights(needs, connection, options)
        if options["app_label"] != OWN_APP:
            self.create_own_tables(connection)
        self.run_guarded(connection, args, options)
        self.report(connection, [])

    def require_rights(
        self, needs: Needs, connection: BaseDatabaseWrapper, options: dict[str, Any]
    ) -> None:
        """Raise if a right is missing for what is about to run, unless told otherwise."""
        if conf.get("MIGRATE") != "off" and not options["unsafe"]:
            needs.require(connection)

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
            decided = decide(connection, executor, unapplied, _options(options)).plan
            for line in expected(connection, executor.loader, unapplied):
                self.stdout.write(line)
            self.stdout.write("What becomes of them:", self.style.MIGRATE_LABEL)
            for step in decided.steps:
                for line in describe_step(step, executor.loader):
                    self.stdout.write(f"  {line}")
            if decided.refused:
                self.stdout.write("\n".join(safety.how_to_go_on(decided.refused)))
        lines = list(describe_transitions(connection))
        if lines:
            self.stdout.write("Under way:")
        for line in lines:
            self.stdout.write(f"  {line}")

    def create_own_tables(self, connection: BaseDatabaseWrapper) -> None:
        """Apply our own migrations before anybody else's can need them."""
        callback: Any = self.migration_progress_callback
        executor = MigrationExecutor(connection, callback)
        leaves = [leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] == OWN_APP]
        missing = executor.migration_plan(leaves)
        if missing:
            executor.migrate(leaves, missing)

    def run_in_parts(
        self,
        connection: BaseDatabaseWrapper,
        args: tuple[Any, ...],
        options: dict[str, Any],
        loader: MigrationLoader,
        nearer: Sequence[MigrationKey],
    ) -> None:
        """Do what the options ask for, but go no farther than the nearer targets."""
        parts: list[Target] = []
        if options["run_syncdb"]:
            parts += [(app_label, None) for app_label in sorted(loader.unmigrated_apps)]
        parts += nearer
        for app_label, name in parts:
            aim = {"app_label": app_label, "migration_name": name, "run_syncdb": name is None}
            self.run_guarded(connection, args, {**options, **aim})

    def run_guarded(
        self, connection: BaseDatabaseWrapper, args: tuple[Any, ...], options: dict[str, Any]
    ) -> None:
        """Call the command we stand before, with lock timeouts and retries.

        Each migration is retried by itself. What else the command does (creating the tables of
        apps without migrations) is one transaction, after which there is nothing to be repeated.
        """
        assert self.runner is not None
        stock_handle = super().handle  # type: ignore[misc]
        journal = self.runner.journal
        try:
            with self.session.lock_discipline():
                retry_lock_failures(connection, lambda: stock_handle(*args, **options))
            journal.flush()
        except BaseException as error:
            if connection.is_usable():
                journal.end(JournalEntry.Outcome.FAILED, error=errors.message(error))
                journal.flush()
            raise

    def migration_progress_callback(
        self, action: str, migration: Migration | None = None, fake: bool = False
    ) -> None:
        """Take over what is about to run, keep the journal, show progress as the command does."""
        if self.runner is not None and migration is not None:
            journal = self.runner.journal
            if action in _STARTS:
                self.session.confirm_turn()
                journal.begin(migration, is_backwards=action == "unapply_start")
                safe = self.substitutes.get((migration.app_label, migration.name), {})
                self.runner.take_over(
                    migration, {migration.operations[index]: safe[index] for index in safe}
                )
            elif action in _OUTCOMES:
                journal.end(JournalEntry.Outcome.FAKED if fake else _OUTCOMES[action])
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

    def show_history(self, connection: BaseDatabaseWrapper, *, as_json: bool) -> None:
        """Print the journal."""
        document = history(connection)
        if as_json:
            self.stdout.write(json.dumps(document, indent=2))
            return
        for entry in document["migrations"]:
            line = "{applied_at}  {app}.{name}  {outcome} by {user} in {duration_seconds:.3f} s"
            unsafe = f"  unsafe: {entry['reason']}" if entry["reason"] else ""
            self.stdout.write(line.format(**entry) + unsafe)


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
