"""A report on the whole."""

from __future__ import annotations

from dataclasses import replace

from tests.lint.reporters.samples import FINDING
from zero_downtime.lint.findings import Report, Severity

WARNING = replace(FINDING, severity=Severity.WARNING)


def test_a_report_fails_from_the_threshold_on() -> None:
    error, warning, clean = (
        Report(findings, migrations=1) for findings in [(FINDING,), (WARNING,), ()]
    )

    assert error.fails(Severity.ERROR)
    assert error.fails(Severity.WARNING)
    assert not error.fails(None)
    assert not warning.fails(Severity.ERROR)
    assert warning.fails(Severity.WARNING)
    assert not clean.fails(Severity.WARNING)


def test_reports_add_up() -> None:
    both = Report((FINDING,), migrations=2) + Report((WARNING,), migrations=3)

    assert both == Report((FINDING, WARNING), migrations=5)
