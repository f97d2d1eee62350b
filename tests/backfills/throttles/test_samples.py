from __future__ import annotations

import pytest

from zero_downtime.backfills.throttles.samples import Samples


def samples(*seen: tuple[float, int]) -> Samples:
    result = Samples()
    for at, position in seen:
        result.add(at, position)
    return result


@pytest.mark.parametrize(
    ("position", "at_least", "at_most"),
    [
        (9, 40, float("inf")),
        (10, 30, 40),
        (15, 30, 40),
        (20, 20, 30),
        (30, 0, 0),
        (31, 0, 0),
    ],
)
def test_an_age_lies_between_two_looks(position: int, at_least: float, at_most: float) -> None:
    wal = samples((100, 10), (110, 20), (120, 30), (140, 30))
    assert wal.age_of(position) == (at_least, at_most)


def test_what_does_not_grow_does_not_age() -> None:
    assert samples((100, 10), (5000, 10)).age_of(10) == (0, 0)


def test_positions_that_a_failover_has_lost_are_forgotten() -> None:
    assert samples((100, 10), (110, 50), (120, 20)).age_of(10) == (0, 20)


def test_however_long_it_takes_the_oldest_is_kept_and_memory_is_bounded() -> None:
    wal = samples(*((at, at) for at in range(5_000)))
    assert wal.age_of(-1) == (4_999, float("inf"))
    assert len(wal.seen) <= Samples.MOST


def test_the_latest_of_the_forgotten_stays() -> None:
    wal = samples((100, 10), (110, 20), (120, 30))
    wal.forget_before(115)
    assert [sample.at for sample in wal.seen] == [110, 120]
    wal.forget_before(500)
    assert [sample.at for sample in wal.seen] == [120]
