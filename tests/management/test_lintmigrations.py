"""`manage.py lintmigrations`, as a user or a CI job types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.support.project import REPOSITORY, Project

CREATE_ORDER = """
    migrations.CreateModel(
        "Order",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("status", models.CharField(max_length=10)),
        ],
    ),
"""
ADD_INDEX = """
    migrations.AddIndex("order", models.Index(fields=["status"], name="order_status_idx")),
"""
RUN_PYTHON = """
    migrations.RunPython(
        lambda apps, schema_editor: apps.get_model("shop", "Order").objects.update(status="new"),
        migrations.RunPython.noop,
    ),
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop with one clean migration, one with an error and one with a warning."""
    project.write_migration("0001_initial", CREATE_ORDER)
    project.write_migration("0002_index", ADD_INDEX, dependencies=[("shop", "0001_initial")])
    project.write_migration("0003_fill", RUN_PYTHON, dependencies=[("shop", "0002_index")])
    return project


def test_the_text_names_place_rule_and_remedy(shop: Project) -> None:
    result = shop.manage("lintmigrations", check=False)

    assert result.returncode == 1
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "shop.0002_index"
    assert lines[1].startswith("  shop/migrations/0002_index.py:")
    assert lines[1].endswith(": error ZD101 add-index-blocks-writes")
    assert "AddIndexConcurrently" in result.stdout
    assert lines[-1] == "3 migrations checked, 1 error, 1 warning"


def test_the_json_is_complete(shop: Project) -> None:
    result = shop.manage("lintmigrations", "--format", "json", check=False)

    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert report["version"] == 1
    assert report["summary"] == {"migrations": 3, "errors": 1, "warnings": 1}
    finding = report["findings"][0]
    assert finding["rule"] == "ZD101"
    assert (finding["app"], finding["migration"], finding["operation"]) == ("shop", "0002_index", 0)
    source = (shop.directory / finding["path"]).read_text().splitlines()
    assert "migrations.AddIndex(" in source[finding["line"] - 1]
    assert finding["tables"] == ["shop_order"]
    assert finding["fixable"] is True
    assert (REPOSITORY / "docs" / finding["docs"]).is_file()


def on_a_terminal(shop: Project, *arguments: str, **environment: str) -> str:
    """Run `lintmigrations` with a terminal for its output, and return that."""
    terminal, its_side = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "lintmigrations", *arguments],
        cwd=shop.directory,
        env={**shop.environment(), "TERM": "xterm", **environment},
        stdout=its_side,
    )
    os.close(its_side)
    printed = b""
    with suppress(OSError):  # so the terminal says that nobody writes any more
        while piece := os.read(terminal, 4096):
            printed += piece
    os.close(terminal)
    process.wait()
    return printed.decode()


def test_there_are_colours_on_a_terminal_unless_they_are_not_wanted(shop: Project) -> None:
    assert "\x1b[" in on_a_terminal(shop)
    assert "\x1b[" not in on_a_terminal(shop, "--no-color")
    assert "\x1b[" not in on_a_terminal(shop, NO_COLOR="1")
    assert "\x1b[" in on_a_terminal(shop, "--force-color", NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal(shop, "--format", "json")


def test_for_other_programs_there_are_other_formats(shop: Project) -> None:
    def printed(name: str) -> str:
        return shop.manage("lintmigrations", "--format", name, check=False).stdout

    assert printed("github").startswith("::error file=shop/migrations/0002_index.py,line=")
    assert json.loads(printed("gitlab"))[0]["check_name"] == "ZD101 add-index-blocks-writes"
    assert json.loads(printed("sarif"))["runs"][0]["results"][0]["ruleId"] == "ZD101"


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        ("shop", 1),
        ("shop 0001_initial", 0),
        ("shop 0002", 1),
        ("shop 0003", 0),
        ("shop 0003 --fail-on warning", 1),
        ("--fail-on never", 0),
        ("--ignore ZD101", 0),
        ("--ignore add-index-blocks-writes,ZD301 --fail-on warning", 0),
        ("--ignore ZD101 --ignore ZD301 --fail-on warning", 0),
        ("--select ZD201", 0),
        ("--select ZD201,zd101", 1),
    ],
)
def test_the_exit_code_says_whether_it_found_what_was_asked_for(
    shop: Project, arguments: str, exit_code: int
) -> None:
    assert shop.manage("lintmigrations", *arguments.split(), check=False).returncode == exit_code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("shpo", "There is no app with migrations 'shpo'. Did you mean 'shop'?"),
        ("shop 0002_idnex", "Did you mean '0002_index'?"),
        ("shop 000", "0001_initial, 0002_index, 0003_fill"),
        ("--select ZD1O9", "There is no rule 'ZD1O9'. Did you mean 'ZD109'?"),
        ("--ignore add-index-blocks", "Did you mean 'add-index-blocks-writes'?"),
        ("--explain ZD1011", "Did you mean 'ZD101'?"),
    ],
)
def test_a_wrong_name_is_one_line_with_the_right_one(
    shop: Project, arguments: str, message: str
) -> None:
    result = shop.manage("lintmigrations", *arguments.split(), check=False)

    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_explain_prints_the_page_of_a_rule(shop: Project) -> None:
    result = shop.manage("lintmigrations", "--explain", "add-index-blocks-writes")

    assert result.stdout == (REPOSITORY / "docs/rules/ZD101.md").read_text()


@pytest.mark.parametrize("databases", ["{}", "{'default': {**DATABASES['default'], 'PORT': 1}}"])
def test_no_database_is_needed(shop: Project, databases: str) -> None:
    settings = shop.directory / "settings.py"
    settings.write_text(f"{settings.read_text()}\nDATABASES = {databases}\n")

    result = shop.manage("lintmigrations", check=False)

    assert result.stdout.endswith("3 migrations checked, 1 error, 1 warning\n")


def test_only_the_project_itself_is_judged_unless_asked(shop: Project) -> None:
    shop.write("site-packages/parcels/__init__.py")
    shop.write("site-packages/parcels/migrations/__init__.py")
    shop.write(
        "site-packages/parcels/migrations/0001_initial.py",
        """
        from django.db import migrations

        class Migration(migrations.Migration):
            operations = []
        """,
    )
    settings = shop.directory / "settings.py"
    settings.write_text(
        "import sys\nsys.path.append('site-packages')\n"
        + settings.read_text()
        + "\nINSTALLED_APPS += ['parcels']\n"
    )

    everything = shop.manage("lintmigrations", check=False)
    one_app = shop.manage("lintmigrations", "parcels")

    assert everything.stdout.endswith("3 migrations checked, 1 error, 1 warning\n")
    assert one_app.stdout == "1 migration checked, 0 errors, 0 warnings\n"


def test_what_is_suppressed_with_a_reason_is_not_reported_but_counted(shop: Project) -> None:
    shop.write_migration(
        "0002_index",
        "# zero-downtime: ignore[ZD101] the table has 40 rows\n" + ADD_INDEX.strip(),
        dependencies=[("shop", "0001_initial")],
    )

    result = shop.manage("lintmigrations", "--select", "ZD101,ZD901")

    assert result.stdout == "3 migrations checked, 0 errors, 0 warnings, 1 suppressed\n"
