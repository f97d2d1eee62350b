from __future__ import annotations

import pytest
from django.test import override_settings

from zero_downtime.backfills.pace import FIRST_ROWS, Pace

BOUNDS = override_settings(
    ZERO_DOWNTIME={"BATCH_TARGET_SECONDS": 0.5, "BATCH_MIN_ROWS": 100, "BATCH_MAX_ROWS": 4000}
)


@BOUNDS
@pytest.mark.parametrize(
    ("seconds", "rows"),
    [
        (0.5, 1000),  # just right
        (0.4, 1250),
        (0.01, 1500),  # grows gently
        (0.0, 1500),
        (1.0, 500),
        (60.0, 250),  # shrinks fast, but not for one slow moment to next to nothing
    ],
)
def test_the_batch_size_follows_the_duration(seconds: float, rows: int) -> None:
    pace = Pace()
    assert pace.rows == FIRST_ROWS
    pace.observe(pace.rows, seconds)
    assert pace.rows == rows


@BOUNDS
def test_the_batch_size_stays_within_its_bounds() -> None:
    pace = Pace()
    for _ in range(10):
        pace.observe(pace.rows, 0.001)
    assert pace.rows == 4000
    for _ in range(10):
        pace.observe(pace.rows, 100)
    assert pace.rows == 100


@BOUNDS
def test_locked_rows_make_it_smaller() -> None:
    pace = Pace()
    pace.shrink()
    assert pace.rows == 250


@BOUNDS
def test_where_clients_have_waited_it_keeps_to_a_fifth_of_the_target() -> None:
    pace = Pace()
    pace.make_way()
    assert pace.rows == 250
    pace.observe(pace.rows, 0.1)
    assert pace.rows == 250


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 1, "BATCH_MAX_ROWS": 10})
def test_the_first_batch_is_within_the_bounds_too() -> None:
    assert Pace().rows == 10


@override_settings(ZERO_DOWNTIME={"BATCH_MIN_ROWS": 1, "BATCH_MAX_ROWS": 10})
def test_a_batch_of_one_row_can_grow_again() -> None:
    pace = Pace()
    for _ in range(10):
        pace.observe(pace.rows, 100)
    assert pace.rows == 1
    pace.observe(pace.rows, 0.001)
    assert pace.rows == 2


@BOUNDS
@pytest.mark.parametrize("rows", [1, 7, 50_000])
def test_a_fixed_size_stays(rows: int) -> None:
    pace = Pace(rows)
    assert pace.rows == rows
    for seconds in (0.001, 100):
        pace.observe(pace.rows, seconds)
        assert pace.rows == rows
    pace.shrink()
    assert pace.rows == rows
