"""A finding is known again as long as the operation says the same."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.validators import MaxValueValidator
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models import F, Q
from django.utils.translation import gettext_lazy

from tests.lint.judging import judge, judge_all, migration
from zero_downtime.lint.findings import Finding
from zero_downtime.lint.fingerprints import identified

HARMLESS = migrations.AddField("order", "paid_on", models.DateField(null=True))


def add_index(name: str = "status_idx", **options: Any) -> Operation:
    return migrations.AddIndex("order", models.Index(fields=["status"], name=name, **options))


def alter_number(**options: Any) -> Operation:
    return migrations.AlterField("order", "number", models.BigIntegerField(**options))


def fingerprint(*operations: Operation) -> str:
    """Return the fingerprint of the only finding of these two rules about the operations."""
    [one] = identified(found(*operations))
    return one.fingerprint


def found(*operations: Operation) -> list[Finding]:
    """Return what the two rules find that these tests are about: an index, and a change of type."""
    return [each for each in judge(*operations) if each.rule in ("ZD101", "ZD204")]


def test_neither_the_place_nor_the_wording_matters() -> None:
    assert fingerprint(add_index()) == fingerprint(HARMLESS, add_index())


def test_it_does_not_matter_how_an_operation_is_nested() -> None:
    nested = migrations.SeparateDatabaseAndState([add_index()], [add_index()])

    assert fingerprint(add_index()) == fingerprint(nested)


@pytest.mark.parametrize(
    "other",
    [
        add_index("other_idx"),
        add_index(condition=Q(status="new")),
        add_index(include=["number"]),
    ],
)
def test_what_the_operation_says_does_matter(other: Operation) -> None:
    assert fingerprint(add_index()) != fingerprint(other)


def test_the_migration_does_matter() -> None:
    names = ["0002_change", "0003_change"]
    findings = judge_all(*(migration(name, add_index("status_idx")) for name in names))

    fingerprints = [each.fingerprint for each in identified(findings) if each.rule == "ZD101"]
    assert len(set(fingerprints)) == 2


def test_equal_findings_of_a_migration_are_numbered() -> None:
    one, other = identified(found(alter_number(), HARMLESS) * 2)

    assert one.fingerprint == fingerprint(alter_number())
    assert other.fingerprint != one.fingerprint


def test_a_fingerprint_is_for_good() -> None:
    _, other = identified(found(alter_number()) * 2)

    assert identified([other]) == [other]


class LimitField(models.BigIntegerField):  # type: ignore[type-arg]
    """A field with an argument of its own."""

    def __init__(self, limit: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.limit = limit

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "limit": self.limit}


@pytest.mark.parametrize(
    "options",
    [
        lambda: {"default": partial(int, "7")},
        lambda: {"default": lambda: 7},
        lambda: {"default": datetime.timedelta},
        lambda: {"db_default": F("id")},
        lambda: {"choices": [(1, gettext_lazy("one"))]},
        lambda: {"validators": [MaxValueValidator(9)]},
        lambda: {"limit": object()},
        lambda: {"limit": {"b", "a"}},
        lambda: {"limit": datetime.date(2026, 1, 1)},
    ],
)
def test_whatever_an_operation_holds_it_is_known_again(
    options: Callable[[], dict[str, Any]],
) -> None:
    one, other = (
        migrations.AlterField("order", "number", LimitField(**options())) for _ in range(2)
    )

    assert fingerprint(one) == fingerprint(other)


def test_every_process_comes_to_the_same() -> None:
    program = (
        "import os, django\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "django.setup()\n"
        "from tests.lint.test_fingerprints import *\n"
        "print(fingerprint(add_index(condition=Q(status__in={'a', 'b', 'c'}))))\n"
    )
    here = fingerprint(add_index(condition=Q(status__in={"a", "b", "c"})))

    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert there.stdout.strip() == here, there.stderr
