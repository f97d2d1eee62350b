"""The examples on the pages of the rules are true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.postgres import operations as postgres
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.models import Q

from tests.lint.judging import codes, judge_all
from zero_downtime import operations as zd
from zero_downtime.lint.registry import all_rules
from zero_downtime.lint.rule import Rule

NAMES: dict[str, Any] = {
    "Q": Q,
    "migrations": migrations,
    "models": models,
    "postgres": postgres,
    "zd": zd,
    "fill_in_totals": lambda apps, schema_editor: None,
    "fill_in_totals_of_batch": lambda apps, queryset: None,
}
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def examples(page: str) -> list[Migration]:
    """Return the migrations of a page, numbered one after the other."""
    return [
        execute(source)(f"{number:04}_example", "shop")
        for number, source in enumerate(EXAMPLE.findall(page), start=2)
    ]


def execute(source: str) -> type[Migration]:
    namespace = dict(NAMES)
    exec(source, namespace)
    made: type[Migration] = namespace["Migration"]
    return made


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_the_bad_example_is_found_and_the_good_one_is_not(rule: Rule) -> None:
    bad, good = rule.page().split("\nGood")

    assert codes(judge_all(*examples(bad))) == [rule.code]
    assert examples(good)
    assert judge_all(*examples(good)) == []
