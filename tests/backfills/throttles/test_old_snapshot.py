from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.clock import Clock
from tests.support.replica import Replicated
from tests.support.roles import ordinary_role
from tests.support.sessions import holding
from tests.support.waiting import wait_for
from zero_downtime.backfills.throttles.old_snapshot import OldSnapshot
from zero_downtime.postgres import health

SNAPSHOT = ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT 1")


@pytest.mark.parametrize(
    "statements", [SNAPSHOT, ("SELECT pg_current_xact_id()",)], ids=["it reads", "it has written"]
)
def test_a_transaction_that_goes_on_holds_a_backfill(
    connection: BaseDatabaseWrapper, database_url: str, statements: tuple[str, ...]
) -> None:
    throttle = OldSnapshot(max_seconds=0)
    with holding(database_url, *statements) as session:
        pid = session.info.backend_pid
        assert throttle.check(connection, "t") == f"oldest snapshot 0 s > 0 s (pid {pid})"
        assert OldSnapshot(max_seconds=60).check(connection, "t") is None
    wait_for(lambda: throttle.check(connection, "t") is None, "the snapshot to be gone")


def test_a_transaction_without_a_snapshot_does_not(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    with holding(database_url, "SELECT 1") as session:
        holders = [each.holder for each in health.snapshots(connection)]
        assert f"pid {session.info.backend_pid}" not in holders


def test_other_databases_do_not_matter(connection: BaseDatabaseWrapper, server_url: str) -> None:
    with holding(server_url, *SNAPSHOT) as session:
        holders = [each.holder for each in health.snapshots(connection)]
        assert f"pid {session.info.backend_pid}" not in holders


def test_an_ordinary_role_counts_from_its_first_look(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, database_url: str, clock: Clock
) -> None:
    throttle = OldSnapshot(60, clock)
    with ordinary_role(connection, pg), holding(database_url, *SNAPSHOT) as session:
        assert throttle.check(connection, "t") is None
        clock.now += 61
        pid = session.info.backend_pid
        assert throttle.check(connection, "t") == f"oldest snapshot 61 s > 60 s (pid {pid})"
        session.rollback()
        assert throttle.check(connection, "t") is None


def test_a_forgotten_prepared_transaction_holds_a_backfill(
    to_primary: BaseDatabaseWrapper, primary: psycopg.Connection
) -> None:
    primary.execute("BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'forgotten'")
    try:
        reason = OldSnapshot(max_seconds=0).check(to_primary, "written")
    finally:
        primary.execute("ROLLBACK PREPARED 'forgotten'")
    assert reason == "oldest snapshot 0 s > 0 s (prepared transaction forgotten)"


def test_a_query_on_a_replica_that_gives_feedback_holds_a_backfill(
    to_primary: BaseDatabaseWrapper,
    primary: psycopg.Connection,
    replicated: Replicated,
    clock: Clock,
) -> None:
    sender = "SELECT 'pid ' || pid FROM pg_stat_replication WHERE backend_xmin IS NOT NULL"
    throttle = OldSnapshot(60, clock)
    with psycopg.connect(replicated.replica_url, autocommit=True) as replica:
        replica.execute("ALTER SYSTEM SET hot_standby_feedback = on")
        replica.execute("SELECT pg_reload_conf()")
        try:
            with holding(replicated.replica_url, *SNAPSHOT):
                holder = wait_for(lambda: primary.execute(sender).fetchone(), "feedback")
                assert holder is not None
                assert throttle.check(to_primary, "written") is None
                clock.now += 61
                reason = throttle.check(to_primary, "written")
                assert reason == f"oldest snapshot 61 s > 60 s ({holder[0]})"
        finally:
            replica.execute("ALTER SYSTEM RESET hot_standby_feedback")
            replica.execute("SELECT pg_reload_conf()")
    wait_for(lambda: not primary.execute(sender).fetchone(), "feedback to end")
    assert throttle.check(to_primary, "written") is None
