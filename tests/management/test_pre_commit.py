"""The hook that `.pre-commit-hooks.yaml` offers."""

from __future__ import annotations

import re
import shlex

import pytest

from tests.support.project import REPOSITORY, Project


@pytest.fixture
def hook() -> dict[str, str]:
    """The only hook, whose values are all plain."""
    lines = (REPOSITORY / ".pre-commit-hooks.yaml").read_text().splitlines()
    pairs = (line.lstrip("- ").partition(": ") for line in lines if not line.startswith("#"))
    return {key: value for key, _, value in pairs}


def test_it_lints_in_the_environment_of_the_project(hook: dict[str, str], project: Project) -> None:
    assert hook["id"] == "lintmigrations"
    assert (hook["language"], hook["pass_filenames"]) == ("system", "false")
    project.write_migration("0001_initial", "")
    python, manage, *arguments = shlex.split(hook["entry"])
    assert (python, manage) == ("python", "manage.py")

    result = project.manage(*arguments)

    assert result.stdout == "1 migration checked, 0 errors, 0 warnings\n"


@pytest.mark.parametrize(
    ("path", "runs"),
    [
        ("shop/migrations/0002_index.py", True),
        ("back/end/shop/migrations/0002_index.py", True),
        ("migrations/0002_index.py", True),
        ("shop/models.py", False),
        ("shop/migrations/README.md", False),
    ],
)
def test_it_runs_when_a_migration_is_committed(hook: dict[str, str], path: str, runs: bool) -> None:
    assert bool(re.search(hook["files"], path)) is runs
