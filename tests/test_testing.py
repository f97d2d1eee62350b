"""`assert_migrations_safe`, in the tests of a project that has installed the package."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from tests.support.dist_info import write_dist_info
from tests.support.git import Repository
from tests.support.project import REPOSITORY, Project

CREATE = """
    migrations.CreateModel(
        "Order",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("status", models.CharField(max_length=10)),
        ],
    ),
"""
INDEX = 'migrations.AddIndex("order", models.Index(fields=["status"], name="order_idx")),'
AFTER_INITIAL = [("shop", "0001_initial")]
UNUSED = "# zero-downtime: ignore[ZD201] nobody uses it\n"


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop with one migration, in whose environment our package is installed."""
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    write_dist_info(project.directory, "django_zero_downtime", declared["entry-points"])
    project.write_migration("0001_initial", CREATE)
    return project


def run_test(
    project: Project, arguments: str = "", *options: str
) -> subprocess.CompletedProcess[str]:
    """Run a test that calls the fixture with these arguments."""
    project.write(
        "test_migrations.py",
        f"""
        def test_migrations(assert_migrations_safe):
            assert_migrations_safe({arguments})
        """,
    )
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=project.directory,
        env={**project.environment(), "DJANGO_SETTINGS_MODULE": "settings"},
        capture_output=True,
        text=True,
    )


WITH_AND_WITHOUT_PYTEST_DJANGO = pytest.mark.parametrize("options", [(), ("-p", "no:django")])


@WITH_AND_WITHOUT_PYTEST_DJANGO
def test_safe_migrations_pass(shop: Project, options: tuple[str, ...]) -> None:
    result = run_test(shop, "", *options)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


@WITH_AND_WITHOUT_PYTEST_DJANGO
def test_an_unsafe_one_fails_with_the_report(shop: Project, options: tuple[str, ...]) -> None:
    shop.write_migration("0002_index", INDEX, AFTER_INITIAL)

    result = run_test(shop, "", *options)

    assert result.returncode == 1
    assert "shop/migrations/0002_index.py:11: error ZD101 add-index-blocks-writes" in result.stdout
    assert "assert_migrations_safe" not in result.stdout, "the report is enough"


def test_it_takes_apps_and_what_to_fail_on(shop: Project) -> None:
    shop.write_migration("0002_empty", UNUSED, AFTER_INITIAL)

    assert run_test(shop, "'shop'").returncode == 0
    assert run_test(shop, "'shop', fail_on='warning'").returncode == 1
    unknown = run_test(shop, "'shpo'")
    assert unknown.returncode == 1
    assert "There is no app with migrations 'shpo'. Did you mean 'shop'?" in unknown.stdout


def test_it_takes_a_commit_and_a_baseline(shop: Project) -> None:
    repository = Repository(shop.directory)
    shop.write_migration("0002_index", INDEX, AFTER_INITIAL)
    repository.commit_all()

    assert run_test(shop, "since='main'").returncode == 0
    shop.manage("lintmigrations", "--baseline=known.json", "--update-baseline")
    assert run_test(shop, "baseline='known.json'").returncode == 0
    assert run_test(shop).returncode == 1


def test_migrations_that_are_disabled_are_not_taken_for_safe_ones(shop: Project) -> None:
    shop.add_settings("MIGRATION_MODULES = {'shop': None}")

    result = run_test(shop)

    assert result.returncode == 1
    assert "There are no migrations. Are they disabled, by --nomigrations?" in result.stdout
