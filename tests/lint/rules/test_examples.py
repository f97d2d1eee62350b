"""The examples on the pages of the rules are true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.postgres import operations as postgres
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.models import Q

from tests.lint.judging import codes, judge_all
from zero_downtime import operations as zd
from zero_downtime.lint.registry import all_rules
from zero_downtime.lint.rule import Rule
from zero_downtime.lint.source import MigrationSource
from zero_downtime.lint.suppressions import suppress

NAMES: dict[str, Any] = {
    "AddConstraintNotValid": postgres.AddConstraintNotValid,
    "ExclusionConstraint": ExclusionConstraint,
    "RandomUUID": RandomUUID,
    "ValidateConstraint": postgres.ValidateConstraint,
    "Q": Q,
    "migrations": migrations,
    "models": models,
    "postgres": postgres,
    "zd": zd,
}
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def examples(page: str, directory: Path) -> list[MigrationSource]:
    """Return the migrations of a page, numbered one after the other, with their files."""
    directory.mkdir()
    sources = []
    for number, example in enumerate(EXAMPLE.findall(page), start=2):
        file = directory / f"{number:04}_example.py"
        sources.append(MigrationSource(execute(example, file)(file.stem, "shop"), file))
    return sources


def found_in(examples: list[MigrationSource]) -> list[str]:
    """Return the codes of the rules that report something about the examples."""
    findings = judge_all(*(example.migration for example in examples))
    return codes(suppress(findings, examples, all_rules())[0])


def execute(source: str, file: Path) -> type[Migration]:
    """Execute a migration; its functions are read from the file."""
    file.write_text(source)
    namespace = {**NAMES, "__name__": f"shop.migrations.{file.stem}"}
    exec(compile(source, file, "exec"), namespace)
    made: type[Migration] = namespace["Migration"]
    return made


@pytest.mark.parametrize(
    "rule", [rule for rule in all_rules() if not rule.asks_journal], ids=lambda rule: rule.code
)
def test_the_bad_example_is_found_and_the_good_one_is_not(rule: Rule, tmp_path: Path) -> None:
    bad, good = rule.page().split("\nGood")

    found = found_in(examples(bad, tmp_path / "bad"))
    assert found.count(rule.code) == 1
    assert all(code in bad for code in found), "what else is wrong with it is not mentioned"
    assert EXAMPLE.search(good)
    assert found_in(examples(good, tmp_path / "good")) == []
