"""`manage.py check --deploy` says what the linter finds."""

from __future__ import annotations

import pytest

from tests.support.project import Project

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
UNUSED = "# zero-downtime: ignore[ZD201] nobody uses it\n"


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop with an error in its second migration and a warning in its third."""
    project.write_migration("0001_initial", CREATE)
    project.write_migration("0002_index", INDEX, [("shop", "0001_initial")])
    project.write_migration("0003_empty", UNUSED, [("shop", "0002_index")])
    return project


def check(project: Project, *arguments: str, baseline: str | None = None) -> tuple[int, str]:
    """Return the exit code of the deployment checks, and what they print."""
    result = project.manage(
        "check",
        "--tag=zero_downtime",
        *arguments,
        check=False,
        settings={"LINT_BASELINE": baseline},
    )
    return result.returncode, result.stdout + result.stderr


def test_an_error_has_its_place_and_what_to_do(shop: Project) -> None:
    code, printed = check(shop, "--deploy")

    assert code == 1
    assert "shop/migrations/0002_index.py:11: (zero_downtime.E101) add-index-blocks" in printed
    assert "HINT: Use AddIndexConcurrently('order', ...)" in printed
    assert "shop/migrations/0003_empty.py:11: (zero_downtime.W901) unused-suppression:" in printed


def test_other_commands_do_not_wait_for_it(shop: Project) -> None:
    assert check(shop)[0] == 0
    assert "E101" not in check(shop)[1]


def test_it_is_about_the_apps_that_are_asked_for(shop: Project) -> None:
    shop.add_app("other")

    assert "E101" in check(shop, "--deploy", "shop")[1]
    assert check(shop, "--deploy", "other")[0] == 0


def test_what_is_suppressed_silenced_or_known_is_not_reported(shop: Project) -> None:
    shop.manage("lintmigrations", "--baseline=known.json", "--update-baseline")
    assert "no issues" in check(shop, "--deploy", baseline="known.json")[1]

    shop.write_migration(
        "0002_index",
        "# zero-downtime: ignore[ZD101] it is small\n" + INDEX,
        [("shop", "0001_initial")],
    )
    assert "E101" not in check(shop, "--deploy")[1]
    shop.add_settings("SILENCED_SYSTEM_CHECKS = ['zero_downtime.W901']")
    assert "no issues (1 silenced)" in check(shop, "--deploy")[1]


def test_a_baseline_that_is_not_there_is_an_error(shop: Project) -> None:
    code, printed = check(shop, "--deploy", baseline="none.json")

    assert code == 1
    assert "(zero_downtime.E005) There is no baseline 'none.json'." in printed
