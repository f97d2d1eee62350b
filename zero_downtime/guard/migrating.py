"""One `migrate` of one database: decide, then have the command do it under guard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from zero_downtime.errors import Refused
from zero_downtime.guard import safety
from zero_downtime.guard.decision import Decision, decide
from zero_downtime.guard.journal import Journal
from zero_downtime.guard.plan import HoldBack, MigrationKey, Options
from zero_downtime.guard.running import Runner
from zero_downtime.guard.session import OwnSession
from zero_downtime.guard.targets import Target, find_targets
from zero_downtime.guard.way_back import require_way_back
from zero_downtime.lint.edited import edited
from zero_downtime.models import JournalEntry
from zero_downtime.postgres import errors
from zero_downtime.postgres.locks import retry_lock_failures
from zero_downtime.transitions.unused import nobody_uses

if TYPE_CHECKING:
    from zero_downtime.guard.rights import Needs

OWN_APP = "zero_downtime"

Outcome = JournalEntry.Outcome


@dataclass(frozen=True)
class Request:
    """What is asked of one `migrate`."""

    app_label: str | None
    migration_name: str | None
    run_syncdb: bool
    options: Options
    resumes: bool
    """Go on where a migration was left that is not atomic."""


@dataclass(frozen=True)
class Command:
    """The command that is guarded, as far as it is needed."""

    handle: Callable[..., None]
    """Does what the command line asks for; named arguments go before its options."""
    warn: Callable[[str], None]


class GuardedMigrate:
    """Refuses and holds back what must not run now, and lets the command do the rest.

    Args:
        session: what to do it by.
    """

    def __init__(
        self, session: OwnSession, request: Request, journal: Journal, command: Command
    ) -> None:
        self.session = session
        self.connection = session.connection
        self.request = request
        self.command = command
        self.journal = journal
        self.runner = Runner(self.connection, journal, resumes=request.resumes)
        self.substitutes: dict[Operation, Sequence[Operation]] = {}

    def migrate(self, executor: MigrationExecutor) -> list[HoldBack]:
        """Apply or unapply what may run now; return what may not.

        Args:
            executor: the command's, made before it was our turn.

        Raises:
            Refused: something must not run as it is, or cannot; nothing was changed. Or it could
                not get its locks.
        """
        executor = self._up_to_date(executor)
        self.journal.settle(executor.loader.applied_migrations)
        targets = find_targets(executor.loader, self.request.app_label, self.request.migration_name)
        planned = executor.migration_plan(targets)
        backwards = [migration for migration, is_backwards in planned if is_backwards]
        if backwards:
            self._warn_of_edited(executor.loader)
            self._migrate_back(executor, backwards)
            return []
        others = [migration for migration, _ in planned if migration.app_label != OWN_APP]
        decided = decide(self.connection, executor, others, self.request.options)
        if decided.survey is not None:
            self._warn_of_edited(executor.loader)
        self._accept(decided, others)
        # Whoever has them first carries them along in the state of every migration.
        if decided.needs_own_tables or len(others) == len(planned):
            self._create_own_tables(executor)
        with nobody_uses(decided.facts.unused):
            if decided.plan.held_back:
                self._run_in_parts(executor.loader, decided.plan.targets)
            else:
                self.run()
        return decided.plan.held_back

    def run(self, **options: Any) -> None:
        """Call the command, with lock timeouts and retries.

        Each migration is retried by itself. What else the command does (creating the tables of
        apps without migrations) is one transaction, after which there is nothing to be repeated.
        """
        try:
            retry_lock_failures(self.connection, partial(self._handle, options))
            self.journal.flush()
        except BaseException as error:
            if self.connection.is_usable():
                self.journal.end(Outcome.FAILED, error=errors.message(error))
                self.journal.flush()
            raise

    def _handle(self, options: dict[str, Any]) -> None:
        was_in_transaction = self.connection.in_atomic_block
        try:
            self.command.handle(**options)
        except OperationalError as error:
            if self.connection.in_atomic_block and not was_in_transaction:
                _leave_transaction(self.connection, error)
            raise

    def starts(self, migration: Migration, *, is_backwards: bool) -> None:
        """Take over what Django's executor is about to run."""
        self.session.confirm_turn()
        if not self.runner.is_alone:
            self.session.renew_lock_timeout()
        self.journal.begin(migration, is_backwards=is_backwards)
        # Not by their places: Django puts operations of its own between them.
        operations = [each for each in migration.operations if each in self.substitutes]
        self.runner.take_over(migration, {each: self.substitutes[each] for each in operations})

    def ends(self, outcome: Outcome) -> None:
        """Note how it ended."""
        self.journal.end(outcome)

    def _up_to_date(self, executor: MigrationExecutor) -> MigrationExecutor:
        """Return an executor that knows what others have done while we waited for our turn."""
        if executor.connection is not self.connection:
            return MigrationExecutor(self.connection, executor.progress_callback)
        applied = executor.recorder.applied_migrations()
        if applied.keys() != executor.loader.applied_migrations.keys():
            executor.loader.build_graph()
        return executor

    def _accept(self, decided: Decision, migrations: Sequence[Migration]) -> None:
        """Refuse what was decided to be refused, and take over what was found out."""
        plan, options = decided.plan, self.request.options
        if plan.refused:
            raise safety.refusal(plan.refused)
        if plan.unsafe and not options.unsafe:
            self.command.warn(f"Unsafe migrations are applied:\n{safety.describe(plan.unsafe)}")
        if decided.survey is None:
            self.runner.nobody_else_is_there()
        else:
            self._require_rights(decided.survey.needs(self.connection))
            self.runner.expected_locks = decided.survey.locks
        runs = set(plan.run)
        running = [each for each in migrations if (each.app_label, each.name) in runs]
        self.journal.expect(running)
        substitutes = plan.substitutes
        self.session.accept(running, substitutes)
        self.substitutes = {
            migration.operations[index]: instead
            for migration in running
            for index, instead in substitutes.get((migration.app_label, migration.name), {}).items()
        }

    def _migrate_back(self, executor: MigrationExecutor, migrations: Sequence[Migration]) -> None:
        """Unapply migrations: nothing is judged, and nothing held back."""
        # It takes all of the linter.
        from zero_downtime.guard.foresight import needs_of_way_back

        if self.request.options.phase:
            raise Refused(
                "--phase is about applying migrations; there is none in going back. Leave it out.",
                returncode=2,
            )
        require_way_back(migrations)
        self.session.accept(migrations)
        self._require_rights(needs_of_way_back(self.connection, executor.loader, migrations))
        self._create_own_tables(executor)
        self.run()

    def _warn_of_edited(self, loader: MigrationLoader) -> None:
        for each in edited(self.connection, loader.graph.nodes.values()):
            self.command.warn(f"Edited after it was applied: {each}")

    def _require_rights(self, needs: Needs) -> None:
        options = self.request.options
        if options.policy != "off" and not options.unsafe:
            needs.require(self.connection)

    def _create_own_tables(self, executor: MigrationExecutor) -> None:
        """Apply our own migrations before anybody else's can need them."""
        if self.request.app_label == OWN_APP:
            return
        leaves = [leaf for leaf in executor.loader.graph.leaf_nodes() if leaf[0] == OWN_APP]
        missing = executor.migration_plan(leaves)
        if missing:
            executor.migrate(leaves, missing)

    def _run_in_parts(self, loader: MigrationLoader, nearer: Sequence[MigrationKey]) -> None:
        """Do what is asked for, but go no farther than the nearer targets."""
        parts: list[Target] = []
        if self.request.run_syncdb:
            parts += [(app_label, None) for app_label in sorted(loader.unmigrated_apps)]
        parts += nearer
        for app_label, name in parts:
            self.run(app_label=app_label, migration_name=name, run_syncdb=name is None)


def _leave_transaction(connection: BaseDatabaseWrapper, error: OperationalError) -> None:
    """Roll back for a schema editor of Django's, which does not when the last it does fails.

    It enters and leaves its transaction by hand, too. In this way it is over, and can be repeated.
    """
    atomic = transaction.atomic(using=connection.alias)
    atomic.__exit__(type(error), error, error.__traceback__)
