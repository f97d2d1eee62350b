"""The shop by hand, as in the tutorial."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def manage(database_url: str) -> Manage:
    """Run the shop's `manage.py` from the repository's root, on a database of its own."""

    # pytest's own settings module is in the environment already.
    settings = {"DJANGO_SETTINGS_MODULE": "example_project.settings", "DATABASE_URL": database_url}

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "example_project/manage.py", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, **settings, **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_migrate_and_loaddemo_fill_the_shop(manage: Manage, pg: psycopg.Connection) -> None:
    assert manage("migrate").returncode == 0

    for _ in range(2):  # again on top of what is there
        loaded = manage("loaddemo", "--customers=2500")
        assert loaded.returncode == 0, loaded.stderr

    assert loaded.stdout == "Added 2,500 customers, 120 products and 25 orders.\n"
    assert pg.execute("SELECT count(DISTINCT email) FROM shop_customer").fetchone() == (5000,)
    assert pg.execute("SELECT count(*) FROM shop_orderline").fetchone() == (2 * 25 * 2,)


def test_models_and_migrations_agree(manage: Manage) -> None:
    checked = manage("makemigrations", "--check", "--dry-run")

    assert checked.stdout == "No changes detected\n"
    assert checked.returncode == 0


def test_system_check_finds_nothing(manage: Manage) -> None:
    checked = manage("check", "--fail-level=DEBUG")

    assert checked.returncode == 0, checked.stderr


def test_its_own_tests_pass_on_a_fresh_database(manage: Manage) -> None:
    tested = manage("test", "example_project.shop")

    assert tested.returncode == 0, tested.stderr
    assert "Ran 3 tests" in tested.stderr


def test_without_database_url_it_says_what_to_run(manage: Manage) -> None:
    # An empty value is as good as none.
    refused = manage("check", DATABASE_URL="")

    assert refused.returncode == 1
    assert "python3 dev.py postgres" in refused.stderr
    assert "Traceback" not in refused.stderr
