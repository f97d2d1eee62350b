from __future__ import annotations

import io
import json

import pytest

from example_project.demo.accounts import Comparison
from example_project.demo.figures import Figures
from example_project.demo.screen import Screen
from example_project.demo.verdict import Verdict

EQUAL = Comparison(rows=10, differing=0)
DIFFERENT = Comparison(rows=10, differing=1)
NOTHING = Comparison()


def verdict(
    errors: tuple[str, ...] = (), columns: Comparison = EQUAL, ledger: Comparison = EQUAL
) -> Verdict:
    during = Figures(latencies=[0.03], errors=list(errors))
    return Verdict(Figures([0.01]), during, Figures([0.02]), columns, ledger, None)


def test_good_when_nobody_noticed() -> None:
    assert verdict().is_good


@pytest.mark.parametrize(
    "bad",
    [
        verdict(errors=("old code 1: no",)),
        verdict(columns=DIFFERENT),
        verdict(ledger=DIFFERENT),
        verdict(columns=NOTHING),  # comparing nothing proves nothing
        verdict(ledger=NOTHING),
    ],
)
def test_bad_when_somebody_did(bad: Verdict) -> None:
    assert not bad.is_good


def test_errors_are_shown() -> None:
    stream = io.StringIO()

    verdict(errors=("old code 1: no",)).show(Screen(stream))

    assert "old code 1: no" in stream.getvalue()
    assert "Somebody noticed." in stream.getvalue()


def test_programs_get_the_same_figures() -> None:
    figures = json.loads(verdict(errors=("no",)).to_json())

    assert figures["good"] is False
    assert figures["requests"] == 3
    assert figures["errors"] == ["no"]
    assert figures["slowest_seconds"] == {"before": 0.01, "during": 0.03, "after": 0.02}
