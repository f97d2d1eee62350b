"""Whatever happens at the same time: both sides end up equal, and nothing that was written is lost.

Schedules are drawn: clients of old and new code with several transactions open at a time, workers
of the backfill that are held up in the middle of a batch, a `migrate` that is held up between two
statements, backends that are terminated. All of it is led by one thread, which knows after each
step what the transactions that have committed wrote to each row last.

200 schedules, or 5,000 with HYPOTHESIS_PROFILE=long.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg import IsolationLevel
from pytest_django import DjangoDbBlocker

from tests.support.examples import how_many
from tests.transitions.hunt import statements
from tests.transitions.hunt.client import Client
from tests.transitions.hunt.expected import Value
from tests.transitions.hunt.held_up import HeldUpSession
from tests.transitions.hunt.migrator import Migrator
from tests.transitions.hunt.removal import RemovalShop
from tests.transitions.hunt.rename import TABLES, RenameShop
from tests.transitions.hunt.retype import TYPES, RetypeShop
from tests.transitions.hunt.sessions import Session, settle, terminate
from tests.transitions.hunt.shop import Shop, opened
from tests.transitions.hunt.statements import Rows, Rules, Sides, Statement
from tests.transitions.hunt.worker import Worker
from zero_downtime.backfills import controls
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill

# Of all kinds of shops together.
KINDS: dict[str, Callable[..., Shop]] = {
    **{f"rename, {table}": partial(RenameShop, table) for table in TABLES},
    **{f"retype, {types}": partial(RetypeShop, types) for types in TYPES},
    "removal": RemovalShop,
}
SCHEDULES = how_many(short=200, long=5_000)
STEPS_PER_SCHEDULE = 30
# More than any schedule needs; one that does not end would be a bug.
MOST_STEPS = 200

ROWS = 6
CLIENTS, WORKERS = 4, 2
# Some of the rows do not exist yet, or not any more.
KEYS = st.lists(st.integers(1, ROWS + 4), min_size=1, max_size=4, unique=True)
A_CLIENT = st.integers(0, CLIENTS - 1)
A_WORKER = st.integers(0, WORKERS - 1)
A_SIDE = st.sampled_from(["old", "new"])


def writing(write: Callable[[Rows], Statement]) -> Any:
    """Return the rule that old code, new code, or somebody who knows both sides, writes like that.

    Of the rows one gets NULLs, if any.
    """

    def run(
        schedule: Schedule,
        number: int,
        sides: set[str],
        keys: list[int],
        nulls: set[str],
        commits: bool,
    ) -> None:
        if write.__name__ in schedule.shop.unfit:
            return
        if len(keys) > 1 and not schedule.is_filled:
            # If the backfill ended while the statement waits, nobody could tell before which row.
            nulls = nulls - {schedule.shop.mirror}
        rows = {key: schedule.values(sides, nulls if key == keys[0] else set()) for key in keys}
        schedule.run(number, write(rows), commits=commits)

    run.__name__ = write.__name__
    return rule(
        number=A_CLIENT,
        sides=st.sets(A_SIDE, min_size=1),
        keys=KEYS,
        nulls=st.sets(A_SIDE),
        commits=st.sampled_from([True, True, False]),
    )(run)


def has_a_backfill(schedule: Schedule) -> bool:
    return schedule.backfill is not None


def has_steps(schedule: Schedule) -> bool:
    return schedule.shop.has_steps


def leaves_evidence(schedule: Schedule) -> bool:
    return schedule.shop.leaves_evidence


class Schedule(RuleBasedStateMachine):
    """One transition from its beginning to its end, and what happens meanwhile."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.backfill, self.committed = shop.start_over(ROWS)
        self.clients = [Client(shop, self.committed) for _ in range(CLIENTS)]
        self.workers = [
            Worker(shop, self.backfill) for _ in range(WORKERS) if self.backfill is not None
        ]
        self.migrator = Migrator(shop)
        self.sessions: list[Session] = [*self.clients, *self.workers, self.migrator]
        self.is_filled = shop.is_filled
        self.numbers = itertools.count(1)
        # What a client has read of one row by one side.
        self.read: dict[tuple[int, str], tuple[int, Value]] = {}

    @initialize(begins_filled=st.booleans())
    def begin(self, begins_filled: bool) -> None:
        """The backfill, if there is one, may have ended before anything else happens."""
        if begins_filled:
            self._end_backfill()

    insert = writing(statements.insert)
    insert_or_ignore = writing(statements.insert_or_ignore)
    upsert = writing(statements.upsert)
    copy = writing(statements.copy)
    save = writing(statements.save)
    update_alike = writing(statements.update_alike)
    update_from = writing(statements.update_from)
    append = writing(statements.append)
    touch = writing(statements.touch)
    change_key = writing(statements.change_key)
    delete = writing(statements.delete)

    def values(self, sides: set[str], nulls: set[str]) -> Sides:
        """Return what a statement gives to those sides of a row."""
        number = next(self.numbers)
        return self.shop.sides(
            {side: None if side in nulls else self.shop.value(side, number) for side in sides}
        )

    def run(self, number: int, statement: Statement, *, commits: bool) -> None:
        """Let a client run a statement, in the transaction that it is in or in a new one."""
        client = self.clients[number]
        if client.is_free:
            client.begin()
            client.run(statement, commits_at_once=commits)
            self._settle()

    @rule(number=A_CLIENT, side=A_SIDE, key=st.integers(1, ROWS))
    def read_object(self, number: int, side: str, key: int) -> None:
        """A client gets an object, as old or as new code."""
        client = self.clients[number]
        if client.is_free and self.can_be_read:
            client.begin()
            if row := client.read(key):
                self.read[number, side] = key, row[-1] if side == "new" else row[0]

    @rule(number=A_CLIENT, side=A_SIDE, commits=st.booleans())
    def save_what_was_read(self, number: int, side: str, commits: bool) -> None:
        """A client saves an object that it got some time ago: `save()` writes every column."""
        if (number, side) in self.read:
            key, value = self.read[number, side]
            self.run(
                number, statements.save({key: self.shop.sides({side: value})}), commits=commits
            )

    @rule(number=A_CLIENT)
    def begin_repeatable_read(self, number: int) -> None:
        """A client begins a transaction that goes on seeing what it has seen first."""
        client = self.clients[number]
        if client.is_free:
            client.begin(IsolationLevel.REPEATABLE_READ)

    @rule(number=A_CLIENT)
    def savepoint(self, number: int) -> None:
        """A client begins an inner `atomic()`."""
        client = self.clients[number]
        if client.transaction and client.is_free:
            client.savepoint()

    @rule(number=A_CLIENT)
    def roll_back_to_savepoint(self, number: int) -> None:
        """An inner `atomic()` fails."""
        client = self.clients[number]
        if client.transaction and client.transaction.savepoints and client.is_free:
            client.rollback_to_savepoint()
            self._settle()

    @rule(number=A_CLIENT, how=st.sampled_from([Client.commit, Client.commit, Client.rollback]))
    def end_transaction(self, number: int, how: Callable[[Client], None]) -> None:
        """A client commits, or rolls back."""
        client = self.clients[number]
        if client.is_free:
            how(client)
            self._settle()

    @rule(number=A_CLIENT)
    def terminate_client(self, number: int) -> None:
        """A client loses its backend, maybe while it waits for a lock."""
        client = self.clients[number]
        terminate(client, self.shop.observer)
        client.lose_connection()
        self._settle()

    @precondition(has_a_backfill)
    @rule(number=A_WORKER)
    def move_batch(self, number: int) -> None:
        """A worker moves a batch."""
        self._let_work(number, stops=False)

    @precondition(has_a_backfill)
    @rule(number=A_WORKER)
    def move_all_batches(self, number: int) -> None:
        """A worker goes on until nothing is left, or it has to wait."""
        for _ in range(ROWS):
            if not self.shop.is_filled:
                self._let_work(number, stops=False)

    @precondition(has_a_backfill)
    @rule(number=A_WORKER)
    def stop_in_batch(self, number: int) -> None:
        """A worker begins with a batch, and stops before it commits."""
        self._let_work(number, stops=True)

    def _let_work(self, number: int, *, stops: bool) -> None:
        for worker in self.workers[number : number + 1]:
            if worker.is_done:
                worker.take_step(stops=stops)
                self._settle()

    @precondition(has_a_backfill)
    @rule(number=A_WORKER, dies=st.booleans())
    def end_batch(self, number: int, dies: bool) -> None:
        """A worker that is in a batch commits it, or its backend dies."""
        for worker in self.workers[number : number + 1]:
            self._let_go_on(worker, dies=dies)

    @precondition(has_steps)
    @rule(stops_before=st.integers(0, 20))
    def migrate(self, stops_before: int) -> None:
        """Somebody takes the next step of the transition, and stops on the way."""
        if self.migrator.is_done:
            self.migrator.take_step(stops_before=stops_before)
            self._settle()

    @precondition(has_steps)
    @rule(number=A_CLIENT, key=st.integers(1, ROWS), writes_first=st.booleans())
    def write_while_migrating(self, number: int, key: int, writes_first: bool) -> None:
        """A write of old code is committed when nothing is left of the next step but to do it."""
        if not self.migrator.is_done or not self.clients[number].is_free:
            return
        write = statements.save({key: self.values({"old"}, set())})
        if writes_first:
            self.run(number, write, commits=False)
        self._migrate_up_to_the_lock()
        if not writes_first:
            self.run(number, write, commits=False)
        self.end_transaction(number, Client.commit)
        self._let_go_on(self.migrator, dies=False)

    def _migrate_up_to_the_lock(self) -> None:
        self.shop.let_time_pass()
        self.migrator.take_step(stops_before_lock=True)
        self._settle()

    @precondition(has_steps)
    @rule(dies=st.booleans())
    def end_migrate(self, dies: bool) -> None:
        """The `migrate` that has been held up goes on, or its backend dies."""
        self._let_go_on(self.migrator, dies=dies)

    def _let_go_on(self, session: HeldUpSession, *, dies: bool) -> None:
        if dies and not session.is_done:
            terminate(session, self.shop.observer)
        session.go_on()
        self._settle()

    @precondition(leaves_evidence)
    @rule()
    def let_time_pass(self) -> None:
        """Old code has been quiet for some time."""
        if self.migrator.is_done:
            self.shop.let_time_pass()

    @rule()
    def verify(self) -> None:
        """Somebody compares both sides while all of that is going on."""
        if self.can_be_read:
            self.shop.verify(is_filled=self.is_filled)

    @precondition(has_a_backfill)
    @rule()
    def repair(self) -> None:
        """Somebody lets the backfill go through all rows again."""
        if self.backfill is not None and self.migrator.is_done:
            with contextlib.suppress(Refused):  # because a worker is at it
                controls.start_over(self.shop.connection, self.backfill)

    @property
    def can_be_read(self) -> bool:
        """Whether no `migrate` waits for a lock, behind which every reader would have to wait."""
        return not self.migrator.is_busy

    @invariant()
    def both_sides_are_what_was_written_last(self) -> None:
        """Or one of them waits for the backfill."""
        if self.can_be_read:
            self.shop.assert_right(self.committed, is_filled=self.is_filled)

    def teardown(self) -> None:
        """Let all transactions end, and the backfill run to its end; then nothing may differ."""
        try:
            self._end_transactions()
            self._end_backfill()
            self.both_sides_are_what_was_written_last()
            self.verify()
            self.shop.finish(self.committed, self._is_refused)
        finally:
            for session in self.sessions:
                session.abandon(self.shop.observer)

    def _end_transactions(self) -> None:
        for _ in range(MOST_STEPS):
            for session in (*self.workers, self.migrator):
                session.go_on()
            self._settle()
            for client in self.clients:
                if client.is_free:
                    client.commit()
                    self._settle()
            open_transactions = [client for client in self.clients if client.transaction]
            if not open_transactions and all(session.is_done for session in self.sessions):
                return
        raise AssertionError("some sessions wait for ever")

    def _end_backfill(self) -> None:
        for number in range(MOST_STEPS):
            if self.shop.is_filled or self.backfill is None:
                return
            self.backfill.refresh_from_db(using=self.shop.connection.alias)
            if self.backfill.status == Backfill.Status.FAILED:
                self.shop.mend(self.committed)
                controls.retry(self.shop.connection, self.backfill)
            self.workers[number % WORKERS].take_step(stops=False)
            self._settle()
        raise AssertionError("the backfill does not end")

    def _is_refused(self) -> bool:
        self.migrator.take_step()
        self._settle()
        return self.migrator.refused is not None

    def _settle(self) -> None:
        """Wait until nobody can go on, and take note of what happened."""
        settle(self.sessions, self.shop.observer)
        for session in (*self.workers, self.migrator):
            session.raise_what_went_wrong()
        self.is_filled = self.is_filled or self.shop.is_filled
        rules = Rules(self.shop.mirror, self.is_filled and self.shop.is_nullable)
        while ended := [client for client in self.clients if client.has_an_outcome]:
            for client in ended:
                client.take_note(rules)
            settle(self.sessions, self.shop.observer)


@pytest.fixture(params=KINDS)
def shop(
    request: pytest.FixtureRequest,
    server_url: str,
    django_db_blocker: DjangoDbBlocker,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shop]:
    monkeypatch.setattr("zero_downtime.backfills.runner.LOOK_AGAIN", 0.01)
    monkeypatch.setattr("zero_downtime.postgres.locks.WRITERS_DELAY", 0)
    # A batch waits for a client as long as the client pleases.
    patience = override_settings(
        ZERO_DOWNTIME={"BATCH_MIN_ROWS": 1, "LOCK_TIMEOUT": 60, "CONTRACT_QUIET": 0}
    )
    kind = KINDS[request.param]
    with patience, django_db_blocker.unblock(), opened(server_url, kind) as shop:
        yield shop


def test_both_sides_end_up_equal_and_nothing_is_lost(shop: Shop) -> None:
    run_state_machine_as_test(  # any callable that returns one will do
        partial(Schedule, shop),  # type: ignore[arg-type]
        settings=settings(
            max_examples=SCHEDULES // len(KINDS) + 1,
            stateful_step_count=STEPS_PER_SCHEDULE,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
