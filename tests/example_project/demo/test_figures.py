from __future__ import annotations

from example_project.demo.figures import Figures
from example_project.demo.reports import Report


def test_reports_add_up() -> None:
    figures = Figures()
    figures.add(Report(latencies=[0.01, 0.3], unfilled_reads=2))
    figures.add(Report(latencies=[0.02], errors=["no"], unfilled_reads=1))

    assert figures.requests == 3
    assert figures.slowest == 0.3
    assert figures.errors == ["no"]
    assert figures.unfilled_reads == 3


def test_p99_leaves_out_the_slowest_hundredth() -> None:
    figures = Figures(latencies=[*[0.001] * 98, 0.5, 2.0])
    assert figures.p99 == 2.0

    figures = Figures(latencies=[*[0.001] * 199, 2.0])
    assert figures.p99 == 0.001


def test_without_requests_there_is_nothing_slow() -> None:
    assert Figures().slowest == 0
    assert Figures().p99 == 0
