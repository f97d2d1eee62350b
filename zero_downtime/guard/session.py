"""How `migrate` works with the server: in a session of its own, or through a proxy without one."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from zero_downtime import conf
from zero_downtime.guard.patience import StatementPatience, TransactionPatience
from zero_downtime.guard.plan import MigrationKey
from zero_downtime.guard.turn import TurnByTransaction, turn
from zero_downtime.postgres.blockers import BlockerPolicy
from zero_downtime.postgres.direct import direct, is_without_session, no_session
from zero_downtime.postgres.locks import lock_timeout, renew_lock_timeout
from zero_downtime.postgres.watching import watching


class OwnSession:
    """A session of the server that is ours for as long as the connection lasts.

    Attributes:
        connection: what to migrate by.
    """

    def __init__(self, connection: BaseDatabaseWrapper, policy: BlockerPolicy) -> None:
        self.connection = connection
        self._policy = policy

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep others from migrating the database while in the block."""
        with turn(self.connection):
            yield

    def confirm_turn(self) -> None:
        """Nothing to ask: a session that is lost takes its turn again when it comes back."""

    @contextmanager
    def lock_discipline(self) -> Iterator[None]:
        """Give all that runs in the block its lock timeout, and the retries it may have."""
        with (
            lock_timeout(self.connection, conf.get("LOCK_TIMEOUT")),
            self.connection.execute_wrapper(StatementPatience(self.connection)),
            watching(self.connection, self._policy),
        ):
            yield

    def renew_lock_timeout(self) -> None:
        """Take back what a migration has set for the session: it was for itself only."""
        renew_lock_timeout(self.connection)

    def accept(
        self, migrations: Sequence[Migration], substituted: Container[MigrationKey] = ()
    ) -> None:
        """Nothing to refuse: all kinds of migrations can run."""


class PooledSession(OwnSession):
    """What a proxy that pools transactions leaves of a session: one transaction at a time."""

    def __init__(self, connection: BaseDatabaseWrapper, policy: BlockerPolicy) -> None:
        super().__init__(connection, policy)
        if policy.how != "wait":
            # Whom somebody waits for is asked of another session, by the number of this one.
            needed_by = f"--on-blocker {policy.how}, unlike --on-blocker wait, needs one"
            raise no_session(connection.alias, needed_by)

    @contextmanager
    def turn(self) -> Iterator[None]:
        with TurnByTransaction(self.connection) as self._turn:
            yield

    def confirm_turn(self) -> None:
        """Make sure that nobody else has begun to migrate the database.

        Raises:
            Refused: somebody has.
        """
        self._turn.confirm()

    @contextmanager
    def lock_discipline(self) -> Iterator[None]:
        with self.connection.execute_wrapper(TransactionPatience(self.connection)):
            yield

    def renew_lock_timeout(self) -> None:
        """Nothing to do: each transaction gets its own."""

    def accept(
        self, migrations: Sequence[Migration], substituted: Container[MigrationKey] = ()
    ) -> None:
        """Check that each of `migrations` is one transaction; what is substituted is not.

        Raises:
            Refused: one is not; the message says how to go around the proxy.
        """
        names = [
            str(each)
            for each in migrations
            if not each.atomic or (each.app_label, each.name) in substituted
        ]
        if names:
            needed_by = f"what is not atomic needs one: {', '.join(names)}"
            raise no_session(self.connection.alias, needed_by)


@contextmanager
def session(connection: BaseDatabaseWrapper, policy: BlockerPolicy) -> Iterator[OwnSession]:
    """Find out how to migrate the database of `connection`, and wait for the turn to do so.

    Args:
        policy: what is done to sessions in the way.

    Raises:
        Refused: `DIRECT` leads to another database; somebody else migrated for longer than
            `MIGRATE_WAIT`; a proxy does not let transactions through, or the policy cannot be
            obeyed through it.
    """
    with direct(connection) as way:
        kind = PooledSession if is_without_session(way, connection) else OwnSession
        found = kind(way, policy)
        with found.turn():
            yield found
