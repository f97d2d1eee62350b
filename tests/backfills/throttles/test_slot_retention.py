from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.backfills.throttles.slot_retention import SlotRetention
from zero_downtime.postgres import health

LIMIT = 100 * 1024


@pytest.fixture
def slot(primary: psycopg.Connection) -> Iterator[None]:
    """A slot that nobody reads."""
    primary.execute("SELECT pg_create_physical_replication_slot('abandoned', true)")
    yield
    primary.execute("SELECT pg_drop_replication_slot('abandoned')")


def write(pg: psycopg.Connection) -> None:
    pg.execute("INSERT INTO written SELECT repeat('x', 1000) FROM generate_series(1, 1000)")


def test_without_slots_nothing_is_kept(
    to_primary: BaseDatabaseWrapper, primary: psycopg.Connection
) -> None:
    write(primary)
    assert SlotRetention(0).check(to_primary, "written") is None


@pytest.mark.usefixtures("slot")
def test_a_slot_that_nobody_reads_keeps_more_and_more(
    to_primary: BaseDatabaseWrapper, primary: psycopg.Connection
) -> None:
    # It keeps all since the last checkpoint from the start.
    (_, kept) = health.slot_retention(to_primary) or ("", 0)
    throttle = SlotRetention(kept + LIMIT)
    assert throttle.check(to_primary, "written") is None
    write(primary)
    reason = throttle.check(to_primary, "written")
    assert reason is not None
    assert reason.startswith("replication slot abandoned keeps ")
    (end,) = primary.execute("SELECT pg_current_wal_lsn()").fetchone() or ("",)
    # What a reader does when it has read.
    primary.execute("SELECT pg_replication_slot_advance('abandoned', %s)", [end])
    assert throttle.check(to_primary, "written") is None


def test_a_slot_that_was_never_read_keeps_nothing(
    to_primary: BaseDatabaseWrapper, primary: psycopg.Connection
) -> None:
    primary.execute("SELECT pg_create_physical_replication_slot('unused')")
    try:
        write(primary)
        assert SlotRetention(0).check(to_primary, "written") is None
    finally:
        primary.execute("SELECT pg_drop_replication_slot('unused')")


@pytest.mark.usefixtures("slot")
def test_a_slot_that_the_server_gave_up_keeps_nothing(
    to_primary: BaseDatabaseWrapper, primary: psycopg.Connection
) -> None:
    primary.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    primary.execute("SELECT pg_reload_conf()")
    try:
        for _ in range(3):
            primary.execute("SELECT pg_logical_emit_message(false, '', 'x'), pg_switch_wal()")
        primary.execute("CHECKPOINT")
        status = "SELECT wal_status FROM pg_replication_slots"
        assert primary.execute(status).fetchone() == ("lost",)
        assert SlotRetention(0).check(to_primary, "written") is None
    finally:
        primary.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        primary.execute("SELECT pg_reload_conf()")
