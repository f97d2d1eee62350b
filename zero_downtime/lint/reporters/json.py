"""For programs."""

from __future__ import annotations

import json

from zero_downtime.lint.findings import Report


def render(report: Report) -> str:
    """Return the report as JSON; the form is stable within its `version`."""
    return json.dumps(report.as_json(), indent=2)
