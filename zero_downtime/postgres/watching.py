"""A look at whom a session waits for, from another one, while it waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread
from typing import Any

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from zero_downtime import conf, signals
from zero_downtime.postgres.blockers import (
    BlockerPolicy,
    Session,
    describe,
    end,
    logger,
    send_autovacuum_away,
    sessions_blocking,
)
from zero_downtime.postgres.sessions import backend_pid

# Seconds. A statement is left alone for half of LOCK_TIMEOUT, but within these limits.
SHORTEST_PATIENCE, LONGEST_PATIENCE = 0.05, 1.0
# Between two reports of the same sessions.
REPORT_INTERVAL = 60.0
# For the watching thread to end; it may be trying to connect to a server that is gone.
LONGEST_GOODBYE = 5.0

_DONE = {"cancel": "Cancelled", "terminate": "Terminated"}


class Watcher:
    """Knows who is in the way of a connection's statements, and does what the policy says.

    It is an `execute_wrapper`, which notes when a statement begins and ends. A thread looks
    whether one has been running for long, and only then opens a connection of its own, to ask
    whom it waits for.
    """

    def __init__(self, connection: BaseDatabaseWrapper, policy: BlockerPolicy) -> None:
        self.connection = connection
        self.policy = policy
        self.seen: Sequence[Session] = ()
        """The sessions that a statement waited for, when somebody looked last."""
        self._running: tuple[int, float] | None = None  # pid of the backend, and since when
        self._patience = max(SHORTEST_PATIENCE, min(LONGEST_PATIENCE, conf.get("LOCK_TIMEOUT") / 2))
        self._stopped = Event()
        self._is_blind = False
        self._reported: tuple[set[int], float] = (set(), 0.0)
        self._decided: set[tuple[int, datetime | None]] = set()
        self._pid = backend_pid(connection)
        self._own_pids = {self._pid} | {
            own.connection.info.backend_pid
            for own in connections.all(initialized_only=True)
            if own.vendor == "postgresql" and own.connection is not None
        }

    def __call__(
        self,
        execute: Callable[[Any, Any, bool, dict[str, Any]], Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        """Execute the statement."""
        self._running = (self._pid, time.monotonic())
        try:
            return execute(sql, params, many, context)
        finally:
            self._running = None

    def deal_with(self, connection: BaseDatabaseWrapper, sessions: Sequence[Session]) -> None:
        """Do to `sessions` what the policy says, once to each transaction, through `connection`."""
        for session in sessions:
            transaction = (session.pid, session.began)
            if transaction in self._decided or not self.policy.concerns(session):
                continue
            self._decided.add(transaction)
            objection = self.policy.objection(session)
            if session.pid in self._own_pids:
                objection = "it belongs to this very process"
            if objection:
                logger.warning("Did not %s, because %s: %s", self.policy.how, objection, session)
            elif end(connection, session, self.policy.how):
                logger.warning("%s what was in the way: %s", _DONE[self.policy.how], session)
                signals.blocker_ended.send_robust(
                    None, alias=connection.alias, session=session, how=self.policy.how
                )

    def watch(self) -> None:
        """Look, until told to stop. Runs in a thread of its own."""
        connection = self.connection.copy()
        delay = self._patience
        try:
            while not self._stopped.wait(delay):
                delay = self._patience
                if (running := self._running) is None:
                    continue
                pid, since = running
                too_early = since + self._patience - time.monotonic()
                if too_early > 0:
                    delay = too_early
                else:
                    self._look(connection, pid, since)
        finally:
            connection.close()

    def stop(self) -> None:
        """Let `watch` end."""
        self._stopped.set()

    def note_own_connection(self, *, connection: BaseDatabaseWrapper, **signal: object) -> None:
        """Receive `connection_created`: never end what this process has connected itself."""
        if connection.vendor != "postgresql":
            return
        pid = backend_pid(connection)
        self._own_pids.add(pid)
        if connection is self.connection:
            self._pid = pid

    def _look(self, connection: BaseDatabaseWrapper, pid: int, since: float) -> None:
        try:
            blockers = sessions_blocking(connection, pid)
            if blockers:
                self.seen = blockers
                self._report(blockers, since)
                self.deal_with(connection, blockers)
                if any(session.is_autovacuum for session in blockers):
                    send_autovacuum_away(connection, pid)
        except Error as error:
            connection.close()  # the next look begins with another one
            if not self._is_blind:
                logger.warning("Sessions in the way cannot be watched: %s", str(error).strip())
            self._is_blind = True

    def _report(self, blockers: Sequence[Session], since: float) -> None:
        now, pids = time.monotonic(), {session.pid for session in blockers}
        reported_pids, reported_at = self._reported
        if pids != reported_pids or now - reported_at > REPORT_INTERVAL:
            self._reported = (pids, now)
            logger.warning(
                "Waiting for a lock, %.1f s after the statement began. %s",
                now - since,
                describe(blockers),
            )


@contextmanager
def watching(
    connection: BaseDatabaseWrapper, policy: BlockerPolicy | None = None
) -> Iterator[Watcher]:
    """Report the sessions that statements of `connection` wait for, and apply `policy` to them.

    To be entered inside other `execute_wrapper`s that repeat statements. It costs nothing but a
    sleeping thread until a statement takes longer than half of `LOCK_TIMEOUT`; then a second
    connection, until the end of the block. Where none can be had, that is logged once.
    Locks: none.

    Args:
        policy: by default that of the settings.
    """
    watcher = Watcher(connection, policy or BlockerPolicy.configured())
    thread = Thread(target=watcher.watch, name="zero_downtime watcher", daemon=True)
    connection_created.connect(watcher.note_own_connection)
    thread.start()
    try:
        with connection.execute_wrapper(watcher):
            yield watcher
    finally:
        watcher.stop()
        connection_created.disconnect(watcher.note_own_connection)
        thread.join(LONGEST_GOODBYE)


def watcher_of(connection: BaseDatabaseWrapper) -> Watcher | None:
    """Return the one that watches the statements of `connection`, if somebody does."""
    watchers = [each for each in connection.execute_wrappers if isinstance(each, Watcher)]
    return watchers[-1] if watchers else None
