"""A pytest plugin, which `pip install django-zero-downtime` installs.

def test_migrations(assert_migrations_safe):
    assert_migrations_safe()
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest


class AssertMigrationsSafe(Protocol):
    """What `assert_migrations_safe` is."""

    def __call__(
        self,
        *app_labels: str,
        since: str | None = None,
        fail_on: str = "error",
        baseline: str | Path | None = None,
    ) -> None: ...


@pytest.fixture(scope="session")
def assert_migrations_safe() -> AssertMigrationsSafe:
    """Return a function that fails the test if `lintmigrations` would fail. It needs no database.

    Args:
        app_labels: judge these apps; by default, all of the project itself.
        since: judge only what is new or changed since the branch left this commit.
        fail_on: "error", or "warning" to fail on those as well.
        baseline: file of findings that are known; by default `LINT_BASELINE` of the settings.
    """
    return _assert_migrations_safe


def _assert_migrations_safe(
    *app_labels: str,
    since: str | None = None,
    fail_on: str = "error",
    baseline: str | Path | None = None,
) -> None:
    __tracebackhide__ = True
    # Not at the top: pytest imports this module in all projects, before their settings.
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()

    from zero_downtime.errors import UnknownName
    from zero_downtime.lint.baseline import Baseline
    from zero_downtime.lint.findings import THRESHOLDS
    from zero_downtime.lint.linter import Request, configured_baseline, report_on
    from zero_downtime.lint.reporters import text

    if fail_on not in THRESHOLDS:
        raise UnknownName("severity", fail_on, THRESHOLDS)
    threshold = THRESHOLDS[fail_on]
    known = configured_baseline() if baseline is None else Baseline.read(Path(baseline))
    report = report_on(Request(app_labels=app_labels, since=since, baseline=known))
    if not report.migrations and since is None:
        pytest.fail("There are no migrations. Are they disabled, by --nomigrations?", pytrace=False)
    if report.fails(threshold):
        pytest.fail(text.render(report), pytrace=False)
