from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.clock import Clock
from zero_downtime.backfills.throttles.wal_rate import WalRate

MEBIBYTE = 1024 * 1024


@pytest.fixture
def throttle(clock: Clock) -> WalRate:
    """At most one MiB a second."""
    return WalRate(MEBIBYTE, clock)


def write_five_mebibytes(pg: psycopg.Connection) -> None:
    # The rate is that of what is on the disk.
    pg.execute("SET synchronous_commit = on")
    pg.execute("SELECT pg_logical_emit_message(true, '', repeat('x', 5 * 1024 * 1024))")


def test_the_first_look_has_nothing_to_compare_with(
    connection: BaseDatabaseWrapper, throttle: WalRate
) -> None:
    assert throttle.check(connection, "t") is None


def test_a_burst_is_paid_for_by_a_pause(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, throttle: WalRate, clock: Clock
) -> None:
    throttle.check(connection, "t")
    write_five_mebibytes(pg)
    clock.now += 1
    reason = throttle.check(connection, "t")
    assert reason is not None
    assert reason.startswith("WAL rate 5")
    assert reason.endswith(" MiB/s > 1 MiB/s")
    clock.now += 3
    assert throttle.check(connection, "t") is not None
    clock.now += 2
    assert throttle.check(connection, "t") is None


def test_what_was_long_ago_does_not_count(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, throttle: WalRate, clock: Clock
) -> None:
    throttle.check(connection, "t")
    for _ in range(60):
        clock.now += 1
        assert throttle.check(connection, "t") is None
    # The quiet minute allows for ten seconds of one MiB each, and no more.
    write_five_mebibytes(pg)
    assert throttle.check(connection, "t") is None
    write_five_mebibytes(pg)
    write_five_mebibytes(pg)
    assert throttle.check(connection, "t") is not None
