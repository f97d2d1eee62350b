"""What the throttles say to a role that owns nothing and may do nothing."""

from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from psycopg.pq import TransactionStatus

from tests.backfills.throttles.test_configured import ON
from tests.support.django_database import backend_pid
from tests.support.replica import Replicated
from tests.support.roles import ordinary_role
from zero_downtime.backfills.throttles import THROTTLES, configured_throttles
from zero_downtime.backfills.throttles.base import Throttle
from zero_downtime.backfills.throttles.replica_lag import ReplicaLag
from zero_downtime.backfills.throttles.slot_retention import SlotRetention
from zero_downtime.backfills.throttles.wal_rate import WalRate


def assert_no_transaction(connection: BaseDatabaseWrapper) -> None:
    assert connection.connection.info.transaction_status == TransactionStatus.IDLE


@pytest.mark.parametrize("kind", [each for each in THROTTLES if each is not ReplicaLag])
def test_it_reads_all_signals_but_one(
    to_primary: BaseDatabaseWrapper, primary: psycopg.Connection, kind: type[Throttle]
) -> None:
    with override_settings(ZERO_DOWNTIME={**ON, "MAX_SNAPSHOT_AGE": 60}):
        (throttle,) = (each for each in configured_throttles() if isinstance(each, kind))
    with ordinary_role(to_primary, primary):
        assert throttle.check(to_primary, "written") is None
        assert_no_transaction(to_primary)


def test_it_cannot_see_how_far_replicas_are_and_goes_on_with_one_warning(
    to_primary: BaseDatabaseWrapper,
    primary: psycopg.Connection,
    replicated: Replicated,
    caplog: pytest.LogCaptureFixture,
) -> None:
    throttle = ReplicaLag(None, max_bytes=0)
    replicated.pause_replay()
    primary.execute("INSERT INTO written VALUES ('x')")
    with ordinary_role(to_primary, primary) as role:
        assert throttle.verdict(to_primary, "written") is None
        assert throttle.verdict(to_primary, "written") is None
        assert_no_transaction(to_primary)
        (record,) = caplog.records
        assert "The backfill of written does not watch the replica lag" in record.getMessage()
        assert "pg_monitor" in record.getMessage()
        # The advice helps.
        primary.execute(f"GRANT pg_monitor TO {role}".encode())
        reason = throttle.verdict(to_primary, "written")
        assert reason is not None
        assert reason.startswith("replica lag ")


@pytest.mark.parametrize(
    ("throttle", "reason"),
    [
        (WalRate(1), None),
        (
            SlotRetention(1),
            "replication slot retention cannot be read: "
            "permission denied for function pg_get_replication_slots",
        ),
    ],
)
def test_what_cannot_be_read_is_open_or_closed(
    to_primary: BaseDatabaseWrapper,
    primary: psycopg.Connection,
    throttle: Throttle,
    reason: str | None,
) -> None:
    functions = "FUNCTION pg_get_replication_slots(), pg_current_wal_flush_lsn()"
    primary.execute(f"REVOKE EXECUTE ON {functions} FROM PUBLIC".encode())
    try:
        with ordinary_role(to_primary, primary):
            assert throttle.verdict(to_primary, "written") == reason
            assert_no_transaction(to_primary)
    finally:
        primary.execute(f"GRANT EXECUTE ON {functions} TO PUBLIC".encode())


def test_a_lost_connection_is_no_answer(
    to_primary: BaseDatabaseWrapper, primary: psycopg.Connection
) -> None:
    primary.execute("SELECT pg_terminate_backend(%s, 10000)", [backend_pid(to_primary)])
    with pytest.raises(OperationalError):
        WalRate(1).verdict(to_primary, "written")
