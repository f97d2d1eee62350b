"""Against a real streaming replica, and a real logical subscriber."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from devtools.embedded_postgres import find_binaries
from tests.backfills.witnessed import WitnessedTable
from tests.support.clock import Clock
from tests.support.databases import temporary_database
from tests.support.django_database import create_own_tables, django_connected_to
from tests.support.replica import Replicated
from tests.support.sessions import holding
from tests.support.waiting import wait_for
from zero_downtime.backfills import registry
from zero_downtime.backfills.runner import Runner
from zero_downtime.backfills.throttles.brake import Brake
from zero_downtime.backfills.throttles.replica_lag import ReplicaLag
from zero_downtime.backfills.work import CopyColumn
from zero_downtime.models import Backfill
from zero_downtime.postgres import health


def write(pg: psycopg.Connection) -> None:
    pg.execute("INSERT INTO written SELECT repeat('x', 1000) FROM generate_series(1, 100)")


def test_without_replicas_nobody_is_behind(connection: BaseDatabaseWrapper, clock: Clock) -> None:
    assert ReplicaLag(0, 0, clock).check(connection, "t") is None


def test_a_replica_that_keeps_up_is_not_behind_however_long_nothing_happens(
    to_primary: BaseDatabaseWrapper,
    primary: psycopg.Connection,
    replicated: Replicated,
    clock: Clock,
) -> None:
    throttle = ReplicaLag(5, clock=clock)
    assert throttle.check(to_primary, "written") is None
    for _ in range(3):
        clock.now += 3600
        write(primary)
        replicated.wait_until_replayed()
        assert throttle.check(to_primary, "written") is None


def test_a_replica_whose_replay_is_paused_falls_behind_until_it_is_resumed(
    to_primary: BaseDatabaseWrapper,
    primary: psycopg.Connection,
    replicated: Replicated,
    clock: Clock,
) -> None:
    throttle = ReplicaLag(5, clock=clock)
    replicated.pause_replay()
    write(primary)
    assert throttle.check(to_primary, "written") is None
    clock.now += 4
    assert throttle.check(to_primary, "written") is None
    clock.now += 2.5
    assert throttle.check(to_primary, "written") == "replica lag 6.5 s > 5 s (replica)"
    replicated.resume_replay()
    replicated.wait_until_replayed()
    assert throttle.check(to_primary, "written") is None


def test_a_replica_that_was_behind_before_is_seen_at_once(
    to_primary: BaseDatabaseWrapper, primary: psycopg.Connection, replicated: Replicated
) -> None:
    with psycopg.connect(replicated.replica_url, autocommit=True) as replica:
        replica.execute("ALTER SYSTEM SET recovery_min_apply_delay = '1s'")
        replica.execute("SELECT pg_reload_conf()")
        try:

            def first_look() -> str | None:
                write(primary)
                return ReplicaLag(0.5).check(to_primary, "written")

            reason = wait_for(first_look, "the delay to be noticed")
            assert reason is not None
            assert reason.startswith("replica lag ")
        finally:
            replica.execute("ALTER SYSTEM RESET recovery_min_apply_delay")
            replica.execute("SELECT pg_reload_conf()")


def test_bytes_count_from_the_first_look(
    to_primary: BaseDatabaseWrapper, primary: psycopg.Connection, replicated: Replicated
) -> None:
    throttle = ReplicaLag(None, max_bytes=50 * 1024)
    assert throttle.check(to_primary, "written") is None
    replicated.pause_replay()
    write(primary)
    reason = throttle.check(to_primary, "written")
    assert reason is not None
    assert reason.startswith("replica lag ")
    assert reason.endswith(" KiB > 50 KiB (replica)")
    replicated.resume_replay()
    replicated.wait_until_replayed()
    assert throttle.check(to_primary, "written") is None


def test_a_logical_subscriber_counts(
    to_primary: BaseDatabaseWrapper,
    primary: psycopg.Connection,
    replicated: Replicated,
    clock: Clock,
) -> None:
    throttle = ReplicaLag(5, clock=clock)
    primary.execute("CREATE PUBLICATION shop FOR TABLE written")
    primary.execute("SELECT pg_create_logical_replication_slot('subscriber', 'pgoutput')")
    with (
        temporary_database(replicated.primary_url) as url,
        psycopg.connect(url, autocommit=True) as subscriber,
    ):
        subscriber.execute("CREATE TABLE written (text text)")
        subscriber.execute(
            f"CREATE SUBSCRIPTION subscriber CONNECTION '{replicated.primary_url}' "
            "PUBLICATION shop WITH (create_slot = false, copy_data = false)".encode()
        )
        try:
            with holding(url, "LOCK TABLE written"):
                write(primary)
                replicated.wait_until_replayed()
                wait_for(
                    lambda: (
                        {each.name for each in health.replicas(to_primary)}
                        == {"replica", "subscriber"}
                    ),
                    "the subscriber to be connected",
                )
                assert throttle.check(to_primary, "written") is None
                clock.now += 6
                reason = throttle.check(to_primary, "written")
                assert reason == "replica lag 6.0 s > 5 s (subscriber)"
            wait_for(lambda: not throttle.check(to_primary, "written"), "it to catch up")
        finally:
            subscriber.execute("DROP SUBSCRIPTION subscriber")
            primary.execute("DROP PUBLICATION shop")


def test_a_base_backup_does_not_count(
    to_primary: BaseDatabaseWrapper,
    primary: psycopg.Connection,
    replicated: Replicated,
    tmp_path: Path,
) -> None:
    slow = ["--max-rate=32k", "--checkpoint=fast", "--wal-method=stream", "--no-sync"]
    target = [f"--dbname={replicated.primary_url}", f"--pgdata={tmp_path / 'copy'}"]
    command = [str(find_binaries() / "pg_basebackup"), *slow, *target]
    # It is two processes, one for the files and one for what is written meanwhile.
    backup = subprocess.Popen(command, start_new_session=True)
    senders = "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'pg_basebackup'"
    try:
        wait_for(lambda: primary.execute(senders).fetchone() == (2,), "the backup to run")
        assert [each.name for each in health.replicas(to_primary)] == ["replica"]
    finally:
        os.killpg(backup.pid, signal.SIGTERM)
        backup.wait()
    wait_for(lambda: primary.execute(senders).fetchone() == (0,), "the backup to be gone")


def test_a_backfill_waits_for_the_replica_and_goes_on(
    replicated: Replicated, django_db_blocker: DjangoDbBlocker
) -> None:
    with (
        django_db_blocker.unblock(),
        temporary_database(replicated.primary_url) as url,
        psycopg.connect(url, autocommit=True) as pg,
        django_connected_to(url) as connection,
    ):
        create_own_tables(connection)
        table = WitnessedTable(pg)
        table.insert(3_000)
        replicated.wait_until_replayed()
        replicated.pause_replay()
        reasons = []

        def progress(backfill: Backfill) -> None:
            if backfill.throttled_by:
                reasons.append(backfill.throttled_by)
                replicated.resume_replay()
                replicated.wait_until_replayed()

        backfill = registry.register(connection, "shop.0002", "t")
        work = CopyColumn("t", "old", "new")
        brake = Brake([ReplicaLag(None, max_bytes=0)])
        backfill = Runner(connection, backfill, work, progress, brake).run()
        assert backfill.status == Backfill.Status.SUCCEEDED
        assert reasons[0].startswith("paused 0 s: replica lag ")
        assert table.ask("SELECT count(*) FROM t WHERE new = old") == 3_000
