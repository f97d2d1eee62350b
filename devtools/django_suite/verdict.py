"""Telling which failures of Django's tests are because of our commands."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devtools.django_suite.recording import Record

EXCEPTIONS = Path(__file__).with_name("exceptions.toml")

Records = Mapping[str, Record]


@dataclass
class Verdict:
    """The tests that have failed, by the cause, and what is wrong."""

    not_because_of_us: list[str] = field(default_factory=list)
    because_of_one_more_app: list[str] = field(default_factory=list)
    because_of_our_commands: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)


def read_exceptions() -> dict[str, str]:
    """Return the reasons why tests may fail, by the tests' ids."""
    reasons: dict[str, str] = tomllib.loads(EXCEPTIONS.read_text())
    return reasons


def judge(
    records: Records, without_us: Records, without_commands: Records, exceptions: Mapping[str, str]
) -> Verdict:
    """Sort out what has failed.

    Args:
        records: what became of all tests.
        without_us: the same of those that have failed, in a run where our app is not installed.
        without_commands: the same where it is, but Django's commands are run.
        exceptions: the reason of each that may fail because of our commands.
    """
    verdict = Verdict()
    for test, record in records.items():
        if record.error:
            if fails_alike(record, without_us.get(test)):
                verdict.not_because_of_us.append(test)
            elif fails_alike(record, without_commands.get(test)):
                verdict.because_of_one_more_app.append(test)
            else:
                verdict.because_of_our_commands.append(test)
                if test not in exceptions:
                    verdict.mistakes.append(f"{test} fails, without a reason:\n{record.error}")
        elif test in exceptions and not record.skipped:
            verdict.mistakes.append(f"{test} passes: {EXCEPTIONS.name} need not have it.")
    return verdict


def fails_alike(record: Record, other: Record | None) -> bool:
    """Whether a test has failed in another run too, in the same place."""
    return other is not None and bool(other.error) and other.failed_at == record.failed_at


def summary(records: Records, verdict: Verdict) -> str:
    """Return the figures, and what is wrong."""
    skipped = sum(record.skipped for record in records.values())
    migrated = sum(record.migrated for record in records.values())
    by_us = sum(record.migrated_by_us for record in records.values())
    lines = [
        f"{len(records)} tests, of which {skipped} were skipped.",
        f"{migrated} have called `migrate`, and in {by_us} of them it was ours.",
        *named("also fail without us", verdict.not_because_of_us),
        *named("fail because there is one more app", verdict.because_of_one_more_app),
        *named("fail because of our commands", verdict.because_of_our_commands),
        *verdict.mistakes,
    ]
    return "\n".join(lines)


def named(what: str, tests: list[str]) -> list[str]:
    """Return how many tests there are, and which."""
    return [f"{len(tests)} {what}{':' if tests else '.'}", *(f"  {test}" for test in tests)]
