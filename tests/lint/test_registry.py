"""Finding rules by code and name."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from zero_downtime.errors import UnknownName
from zero_downtime.lint import rules
from zero_downtime.lint.registry import all_rules, get_rule, select_rules
from zero_downtime.lint.rule import Rule

PAGES = Path(__file__).resolve().parents[2] / "docs" / "rules"


def test_every_module_in_rules_is_one_rule_named_by_its_code() -> None:
    modules = sorted(path.stem for path in Path(rules.__path__[0]).glob("zd*.py"))

    assert [rule.code.lower() for rule in all_rules()] == modules


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_every_rule_has_its_test_module_and_its_page(rule: Rule) -> None:
    importlib.import_module(f"tests.lint.rules.test_{rule.code.lower()}")
    page = PAGES / f"{rule.code}.md"

    assert page.read_text() == rule.page(), (
        f"Write it anew: manage.py lintmigrations --explain {rule.code} > docs/rules/{page.name}"
    )


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_every_rule_has_its_line_in_the_list(rule: Rule) -> None:
    summary, *_ = inspect.cleandoc(rule.__doc__ or "").split("\n")
    line = f"- [{rule.code}]({rule.code}.md) `{rule.name}`: {summary}\n"

    assert line in (PAGES / "index.md").read_text()


@pytest.mark.parametrize("name", ["ZD101", "zd101", "add-index-blocks-writes"])
def test_a_rule_is_known_by_code_and_by_name(name: str) -> None:
    assert get_rule(name).code == "ZD101"


def test_a_misspelt_rule_is_answered_with_the_closest() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'ZD401'\?") as raised:
        get_rule("ZD4O1")

    assert raised.value.returncode == 2


def test_selecting_and_ignoring() -> None:
    assert [rule.code for rule in select_rules(select=["ZD101", "ZD201"])] == ["ZD101", "ZD201"]
    assert "ZD101" not in [rule.code for rule in select_rules(ignore=["zd101"])]
    assert select_rules(select=["ZD101"], ignore=["add-index-blocks-writes"]) == []
