"""Migrations that cannot be loaded are told in one line."""

from __future__ import annotations

import pytest

from tests.support.project import Project


def error_of(project: Project) -> str:
    result = project.manage("lintmigrations", check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


@pytest.mark.parametrize(
    ("operations", "error"),
    [
        ("1 / 0,", "ZeroDivisionError: division by zero"),
        ("this is no Python", "SyntaxError: "),
    ],
)
def test_one_that_cannot_be_imported(project: Project, operations: str, error: str) -> None:
    project.write_migration("0001_initial", operations)

    message = error_of(project)

    assert "shop/migrations/0001_initial.py:" in message
    assert f" cannot be imported: {error}" in message


def test_a_dependency_that_is_not_there(project: Project) -> None:
    project.write_migration("0001_initial", "", dependencies=[("shop", "0000_lost")])

    assert "The migrations do not fit together: Migration shop.0001_initial" in error_of(project)
