"""`manage.py check --deploy`, or `--tag zero_downtime`, says what the linter finds."""

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
TAG = "--tag=zero_downtime"
UNUSED = "# zero-downtime: ignore[ZD201] nobody uses it\n"


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop with an error in its second migration and a warning in its third."""
    project.write_migration("0001_initial", CREATE)
    project.write_migration("0002_index", INDEX, [("shop", "0001_initial")])
    project.write_migration("0003_empty", UNUSED, [("shop", "0002_index")])
    return project


def check(project: Project, *arguments: str, baseline: str | None = None) -> tuple[int, str]:
    """Return the exit code of the checks, and what they print."""
    result = project.manage("check", *arguments, check=False, settings={"LINT_BASELINE": baseline})
    return result.returncode, result.stdout + result.stderr


@pytest.mark.parametrize("asked", [["--deploy"], [TAG], ["--deploy", TAG]])
def test_an_error_has_its_place_and_what_to_do(shop: Project, asked: list[str]) -> None:
    code, printed = check(shop, *asked)

    assert code == 1
    assert printed.count("E101") == 1
    assert "shop/migrations/0002_index.py:11: (zero_downtime.E101) add-index-blocks" in printed
    assert "HINT: Use AddIndexConcurrently('order', ...)" in printed
    assert "shop/migrations/0003_empty.py:11: (zero_downtime.W901) unused-suppression:" in printed


def test_other_commands_do_not_wait_for_it(shop: Project) -> None:
    assert check(shop) == (0, "System check identified no issues (0 silenced).\n")
    assert check(shop, "--tag=models", "--database=default")[0] == 0
    assert "E101" not in shop.manage("migrate", "--plan").stdout


def test_our_tag_brings_no_deployment_checks_of_others(shop: Project) -> None:
    printed = check(shop, TAG, "--tag=security")[1]

    assert "E101" in printed
    assert "security." not in printed


def test_a_second_call_of_the_same_process_does_not_remember(shop: Project) -> None:
    shop.write(
        "twice.py",
        """
        import os
        os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
        import django
        from django.core.management import call_command
        from django.core.management.base import SystemCheckError
        django.setup()
        try:
            call_command("check", tags=["zero_downtime"])
        except SystemCheckError:
            call_command("check")
        """,
    )
    stdout, stderr = shop.start_script("twice.py").communicate()

    assert stdout == "System check identified no issues (0 silenced).\n", stderr


def test_it_is_about_the_apps_that_are_asked_for(shop: Project) -> None:
    shop.add_app("other")

    assert "E101" in check(shop, TAG, "shop")[1]
    assert check(shop, TAG, "other")[0] == 0


def test_what_is_suppressed_silenced_or_known_is_not_reported(shop: Project) -> None:
    shop.manage("lintmigrations", "--baseline=known.json", "--update-baseline")
    assert "no issues" in check(shop, TAG, baseline="known.json")[1]

    shop.write_migration(
        "0002_index",
        "# zero-downtime: ignore[ZD101] it is small\n" + INDEX,
        [("shop", "0001_initial")],
    )
    assert "E101" not in check(shop, TAG)[1]
    shop.add_settings("SILENCED_SYSTEM_CHECKS = ['zero_downtime.W901']")
    assert "no issues (1 silenced)" in check(shop, TAG)[1]


def test_a_baseline_that_is_not_there_is_an_error(shop: Project) -> None:
    code, printed = check(shop, TAG, baseline="none.json")

    assert code == 1
    assert "(zero_downtime.E005) There is no baseline 'none.json'." in printed
