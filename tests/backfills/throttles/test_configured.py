from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from zero_downtime.backfills.throttles import THROTTLES, configured_throttles
from zero_downtime.backfills.throttles.custom import Custom
from zero_downtime.backfills.throttles.wraparound import Wraparound

OFF = {
    "MAX_REPLICA_LAG": None,
    "MAX_REPLICA_LAG_BYTES": None,
    "MAX_SLOT_RETENTION_BYTES": None,
    "MAX_WAL_RATE": None,
    "MAX_LOCK_WAITERS": None,
    "MAX_SNAPSHOT_AGE": None,
    "THROTTLE": None,
}
ON = {**dict.fromkeys(OFF, 1), "THROTTLE": f"{__name__}.never"}


def never(connection: BaseDatabaseWrapper, table: str) -> None:
    """Be a project's throttle."""


@override_settings(ZERO_DOWNTIME=OFF)
def test_none_is_off() -> None:
    assert [type(each) for each in configured_throttles()] == [Wraparound]


@override_settings(ZERO_DOWNTIME=ON)
def test_all_are_on() -> None:
    assert [type(each) for each in configured_throttles()] == list(THROTTLES)


@override_settings(ZERO_DOWNTIME={"THROTTLE": f"{__name__}.never"})
def test_a_dotted_path_is_as_good_as_a_function() -> None:
    (custom,) = (each for each in configured_throttles() if isinstance(each, Custom))
    assert custom.function is never


def test_each_backfill_gets_its_own() -> None:
    assert not set(configured_throttles()) & set(configured_throttles())
