"""`manage.py lintmigrations` judges what it is asked to, and not what is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.git import Repository
from tests.support.project import Project

CREATE = """
    migrations.CreateModel(
        "{name}",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("status", models.CharField(max_length=10)),
        ],
    ),
"""
INDEX = 'migrations.AddIndex("{name}", models.Index(fields=["status"], name="{name}_idx")),'


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop in which two migrations build an index."""
    operations = CREATE.format(name="Order") + CREATE.format(name="Customer")
    project.write_migration("0001_initial", operations)
    write_index(project, "0002_order", "order", "0001_initial")
    write_index(project, "0003_customer", "customer", "0002_order")
    return project


def write_index(project: Project, name: str, model: str, after: str) -> None:
    project.write_migration(name, INDEX.format(name=model), [("shop", after)])


def lint(project: Project, *arguments: str) -> tuple[list[str], str]:
    """Return the migrations with findings of ZD101, and what was said besides."""
    result = project.manage(
        "lintmigrations", "--select=ZD101", "--format=json", *arguments, check=False
    )
    findings = json.loads(result.stdout)["findings"]
    return [finding["migration"] for finding in findings], result.stderr


def usage_error(project: Project, *arguments: str) -> str:
    """Return the one line that a wrong command line is answered with."""
    result = project.manage("lintmigrations", *arguments, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    return line


# --baseline


@pytest.fixture
def baseline(shop: Project) -> Path:
    """A baseline that knows the two."""
    shop.manage("lintmigrations", "--select=ZD101", "--baseline=known.json", "--update-baseline")
    return shop.directory / "known.json"


def test_known_findings_are_counted_and_new_ones_reported(shop: Project, baseline: Path) -> None:
    write_index(shop, "0004_again", "order", "0003_customer")

    result = shop.manage("lintmigrations", "--select=ZD101", "--baseline=known.json", check=False)

    assert result.returncode == 1
    assert result.stdout.startswith("shop.0004_again\n")
    assert result.stdout.endswith("4 migrations checked, 1 error, 0 warnings, 2 in the baseline\n")
    assert result.stderr == ""


def test_the_settings_can_name_it(shop: Project, baseline: Path) -> None:
    result = shop.manage(
        "lintmigrations", "--select=ZD101", settings={"LINT_BASELINE": str(baseline)}
    )

    assert "2 in the baseline" in result.stdout


def test_lines_may_move_and_operations_may_not_change(shop: Project, baseline: Path) -> None:
    file = shop.directory / "shop/migrations/0002_order.py"
    file.write_text("# A comment.\n" + file.read_text())
    assert lint(shop, "--baseline=known.json") == ([], "")

    file.write_text(file.read_text().replace("order_idx", "orders_idx"))
    found, said = lint(shop, "--baseline=known.json")
    assert found == ["0002_order"]
    assert said == "1 in known.json are found no more. Take them out with --update-baseline.\n"


def test_what_is_not_judged_is_not_missed_nor_taken_out(shop: Project, baseline: Path) -> None:
    (shop.directory / "shop/migrations/0003_customer.py").unlink()
    write_index(shop, "0003_customer", "order", "0002_order")
    before = baseline.read_text()

    assert lint(shop, "--baseline=known.json", "shop", "0001") == ([], "")
    shop.manage("lintmigrations", "--baseline=known.json", "--update-baseline", "shop", "0001")
    assert baseline.read_text() == before
    shop.manage("lintmigrations", "--baseline=known.json", "--update-baseline", "--select=ZD201")
    assert baseline.read_text() == before


def test_an_update_says_what_it_did(shop: Project, baseline: Path) -> None:
    (shop.directory / "shop/migrations/0003_customer.py").unlink()
    write_index(shop, "0003_other", "order", "0002_order")

    result = shop.manage(
        "lintmigrations", "--select=ZD101", "--baseline=known.json", "--update-baseline"
    )

    assert result.stdout == "known.json has 2 findings: 1 new, 1 taken out.\n"
    assert lint(shop, "--baseline=known.json") == ([], "")


def test_a_baseline_has_to_be_named_and_be_there(shop: Project) -> None:
    assert "needs --baseline FILE" in usage_error(shop, "--update-baseline")
    assert "There is no baseline 'none.json'" in usage_error(shop, "--baseline=none.json")
    unwritable = usage_error(shop, "--baseline=none/none.json", "--update-baseline")
    assert "none/none.json cannot be written" in unwritable


# --since


@pytest.fixture
def repository(shop: Project) -> Repository:
    """The shop, with all but its last migration on `main`."""
    repository = Repository(shop.directory)
    last = shop.directory / "shop/migrations/0003_customer.py"
    source = last.read_text()
    last.unlink()
    repository.commit_all()
    last.write_text(source)
    return repository


def test_since_judges_what_the_branch_has_changed(shop: Project, repository: Repository) -> None:
    assert lint(shop, "--since=main")[0] == ["0003_customer"]

    repository.git("switch", "--quiet", "--create", "work")
    repository.commit_all()
    assert lint(shop, "--since=main")[0] == ["0003_customer"]
    assert lint(shop, "--since=HEAD")[0] == []
    assert lint(shop)[0] == ["0002_order", "0003_customer"]


def test_since_needs_a_commit(shop: Project, repository: Repository) -> None:
    assert "There is no commit 'mian'" in usage_error(shop, "--since=mian")


# --unapplied


def test_unapplied_asks_the_database(shop: Project) -> None:
    assert lint(shop, "--unapplied")[0] == []  # the tables are new

    shop.manage("migrate", "shop", "0001")
    assert lint(shop, "--unapplied")[0] == ["0002_order", "0003_customer"]

    shop.manage("migrate", "shop", "0002")
    assert lint(shop, "--unapplied")[0] == ["0003_customer"]


def test_what_is_new_in_a_plan_is_not_missed_in_the_baseline(shop: Project, baseline: Path) -> None:
    assert lint(shop, "--unapplied", "--baseline=known.json") == ([], "")


def test_unapplied_needs_a_database_that_answers(shop: Project) -> None:
    assert "There is no database 'othr'" in usage_error(shop, "--unapplied", "--database=othr")
    shop.add_settings("DATABASES = {'default': {**DATABASES['default'], 'PORT': 1}}")
    assert "cannot say which migrations are applied" in usage_error(shop, "--unapplied")
    shop.add_settings("DATABASES = {}")
    assert "cannot say which migrations are applied" in usage_error(shop, "--unapplied")


# --all, --output


def test_all_judges_installed_packages_too(shop: Project) -> None:
    shop.write("site-packages/parcels/__init__.py")
    shop.write("site-packages/parcels/migrations/__init__.py")
    for name in ("0001_initial", "0002_order"):
        source = (shop.directory / f"shop/migrations/{name}.py").read_text()
        shop.write(f"site-packages/parcels/migrations/{name}.py", source.replace("shop", "parcels"))
    shop.add_settings("import sys; sys.path.append('site-packages')")
    shop.add_settings("INSTALLED_APPS.append('parcels')")

    result = shop.manage("lintmigrations", "--select=ZD101", "--all", check=False)

    assert "parcels.0002_order" in result.stdout
    assert "parcels" not in shop.manage("lintmigrations", "--select=ZD101", check=False).stdout


def test_output_goes_into_a_file_and_the_sum_of_it_is_printed(shop: Project) -> None:
    arguments = ["--select=ZD101", "--format=gitlab", "--output=report.json"]
    result = shop.manage("lintmigrations", *arguments, check=False)

    assert result.returncode == 1
    assert result.stdout == "3 migrations checked, 2 errors, 0 warnings\n"
    assert len(json.loads((shop.directory / "report.json").read_text())) == 2
    unwritable = usage_error(shop, "--output=none/report.json")
    assert "none/report.json cannot be written: No such file or directory." in unwritable
