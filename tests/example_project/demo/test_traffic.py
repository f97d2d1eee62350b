from __future__ import annotations

from pathlib import Path

from example_project.demo.releases import Release
from example_project.demo.traffic import Traffic
from tests.support.waiting import wait_for

CUSTOMERS = 1_000


def load(release: Release) -> None:
    for command in (["migrate", "-v0"], ["loaddemo", f"--customers={CUSTOMERS}"]):
        assert release.start_management_command(*command).wait() == 0


def requests(traffic: Traffic) -> int:
    traffic.collect(timeout=0.1)
    return traffic.figures.requests


def errors(traffic: Traffic) -> list[str]:
    traffic.collect(timeout=0.1)
    return traffic.figures.errors


def is_empty(traffic: Traffic) -> bool:
    traffic.collect(timeout=0.1)
    return not traffic.visitors


def test_visitors_write_and_hand_over_their_ledger(release: Release) -> None:
    load(release)
    with Traffic(expected=1, customers=CUSTOMERS) as traffic:
        visitor = traffic.start(release, "old code")
        wait_for(lambda: requests(traffic) > 100, "a hundred requests")

        visitor.ask_to_stop()
        wait_for(lambda: is_empty(traffic), "the visitor to leave")

    assert traffic.figures.errors == []
    assert traffic.rate.per_second() > 0
    assert any(name and name.startswith("old code 1 ") for name in traffic.ledger.values())


def test_a_failing_request_is_an_error(release: Release) -> None:
    with Traffic(expected=1, customers=CUSTOMERS) as traffic:
        traffic.start(release, "old code")  # without tables

        [first, *_] = wait_for(lambda: errors(traffic), "an error")

    assert first.startswith("old code 1: ProgrammingError")


def test_a_dying_visitor_is_an_error(tmp_path: Path) -> None:
    release = Release(tmp_path / "release", "postgresql:///nothing?host=/nowhere")
    with Traffic(expected=1, customers=CUSTOMERS) as traffic:
        traffic.start(release, "old code")

        wait_for(lambda: is_empty(traffic), "the visitor to die")

    [error] = traffic.figures.errors
    assert error.startswith("old code 1: the process died: ")


def test_leaving_ends_the_visitors(release: Release) -> None:
    with Traffic(expected=1, customers=CUSTOMERS) as traffic:
        visitor = traffic.start(release, "old code")

    assert visitor.ended
