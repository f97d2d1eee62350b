"""What observed.json says is what a server does."""

from __future__ import annotations

from collections.abc import Iterator

import django
import pytest
from pytest_django import DjangoDbBlocker

from tests.corpus.case import Case
from tests.corpus.cases import all_cases
from tests.corpus.databases import Bookshops
from tests.corpus.observing import Observer
from tests.corpus.record import read, record_of

CASES = all_cases()

#: One in so many is observed in the ordinary run.
EVERY = 15

#: What hazards are derived from; the statements differ between versions.
COMPARED = ("hazards", "tolerated", "fails", "held", "broken", "irreversible")


@pytest.fixture(scope="module")
def observer(server_url: str, django_db_blocker: DjangoDbBlocker) -> Iterator[Observer]:
    with django_db_blocker.unblock(), Bookshops(server_url) as bookshops:
        yield Observer(bookshops)


def test_every_case_was_observed() -> None:
    assert {case.name for case in CASES} == set(read()), "run python -m tests.corpus.observe"


@pytest.mark.parametrize("case", CASES[::EVERY], ids=lambda case: case.name)
def test_some_are_seen_to_do_it(case: Case, observer: Observer) -> None:
    assert_seen_again(case, observer)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_all_are_seen_to_do_it(case: Case, observer: Observer) -> None:
    assert_seen_again(case, observer)


def assert_seen_again(case: Case, observer: Observer) -> None:
    if case.since > django.VERSION:
        pytest.skip("an older Django does something else")
    seen, recorded = record_of(case, observer), read()[case.name]
    assert [seen.get(key) for key in COMPARED] == [recorded.get(key) for key in COMPARED]
