"""What the README promises is there, and what is there has its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


def test_the_readme_knows_how_many_rules_there_are() -> None:
    assert f"The linter has {len(all_rules())} [rules](docs/rules/index.md)" in README
