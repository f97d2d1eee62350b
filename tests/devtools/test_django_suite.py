"""Django's own tests, with our commands in the place of Django's."""

from __future__ import annotations

import pytest

from devtools.django_suite.__main__ import main
from devtools.django_suite.recording import Record
from devtools.django_suite.sources import SourcesUnavailableError, unpacked_tests
from devtools.django_suite.verdict import judge

FAILED, PASSED = Record(error="AssertionError", failed_at="AssertionError in line 7"), Record()


@pytest.fixture
def sources() -> None:
    try:
        unpacked_tests()
    except SourcesUnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("sources")
def test_migrations_are_run_as_djangos_tests_want_it() -> None:
    assert main(["migrate_signals", "swappable_models", "backends.base.test_creation"]) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("sources")
def test_all_of_djangos_tests_pass_or_have_a_reason_why_not() -> None:
    assert main([]) == 0


def test_what_fails_only_with_our_commands_needs_a_reason() -> None:
    verdict = judge({"test": FAILED}, {"test": PASSED}, {"test": PASSED}, {})
    assert verdict.because_of_our_commands == ["test"]
    (mistake,) = verdict.mistakes
    assert "test fails, without a reason" in mistake


def test_what_has_a_reason_may_fail() -> None:
    verdict = judge({"test": FAILED}, {"test": PASSED}, {"test": PASSED}, {"test": "It may."})
    assert verdict.because_of_our_commands == ["test"]
    assert not verdict.mistakes


def test_what_fails_without_us_is_not_ours() -> None:
    verdict = judge({"test": FAILED}, {"test": FAILED}, {"test": FAILED}, {})
    assert verdict.not_because_of_us == ["test"]
    assert not verdict.mistakes


def test_what_fails_with_djangos_commands_minds_that_there_is_one_more_app() -> None:
    verdict = judge({"test": FAILED}, {"test": PASSED}, {"test": FAILED}, {})
    assert verdict.because_of_one_more_app == ["test"]
    assert not verdict.mistakes


def test_what_fails_in_another_way_without_us_is_ours() -> None:
    otherwise = Record(error="AssertionError", failed_at="AssertionError in line 8")
    verdict = judge({"test": FAILED}, {"test": otherwise}, {"test": otherwise}, {})
    assert verdict.because_of_our_commands == ["test"]


def test_what_passes_needs_no_reason() -> None:
    (mistake,) = judge({"test": PASSED}, {}, {}, {"test": "It may."}).mistakes
    assert "test passes" in mistake


def test_what_is_skipped_keeps_its_reason() -> None:
    assert not judge({"test": Record(skipped=True)}, {}, {}, {"test": "It may."}).mistakes
