from __future__ import annotations

from example_project.demo.reports import Report


def test_a_report_survives_its_journey() -> None:
    report = Report([0.01, 0.02], ["old code 1: Error: no"], 3, {101: "Ada", 102: None})

    assert Report.from_json(report.to_json()) == report
