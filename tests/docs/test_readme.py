"""What the README promises is there, and what is there has its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

import dev
from zero_downtime import operations
from zero_downtime.lint.registry import all_rules

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("task", ["demo", "test"])
def test_the_command_of_a_section_is_one_line_that_dev_py_knows(task: str) -> None:
    """CI runs the first `sh` block of a section as it stands."""
    section = README.partition(f"## Run the {task}")[2].partition("\n## ")[0]
    block = re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert block is not None
    assert block[1] == f"python3 dev.py {task}\n"
    assert task in dev.COMMANDS


@pytest.mark.parametrize("name", operations.__all__)
def test_an_operation_has_a_page_and_is_in_the_readme(name: str) -> None:
    page = ROOT / "docs" / "operations" / f"{name}.md"
    assert page.read_text().startswith(f"# {name}\n")
    assert f"[`{name}`](docs/operations/{name}.md)" in README


@pytest.mark.parametrize("code", [rule.code for rule in all_rules()])
def test_a_rule_is_in_the_readme(code: str) -> None:
    assert f"[{code}](docs/rules/{code}.md)" in README


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    ours = {name for name, app in get_commands().items() if app == "zero_downtime"}
    assert ours == set(re.findall(r"^## (\w+)$", page, re.MULTILINE))
    assert all(f"| `{name}` |" in README for name in ours)


def test_links_of_the_readme_lead_to_files() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
