"""`manage.py migrate --phase`: what runs before the deploy, and what after it."""

from __future__ import annotations

import pytest

from tests.support.project import Project
from tests.support.shop import applied, columns, write_rename

AFTER_INITIAL = [("shop", "0001_initial")]
ADD_FIELD = 'migrations.AddField("user", "note", models.TextField(null=True)),'
ADD_INDEX = """
    zd.AddIndexConcurrently("user", models.Index(fields=["name"], name="name_idx")),
"""
REMOVE_FIELD = 'migrations.RemoveField("user", "age"),'
# Nobody waits for a contract; nor is a removal refused that the release before was made for.
SETTINGS = {"CONTRACT_QUIET": 0, "MIGRATE": "off"}


def migrate(shop: Project, *arguments: str) -> str:
    return shop.manage("migrate", *arguments, settings=SETTINGS).stdout


def test_a_rename_in_a_pipeline(shop: Project) -> None:
    write_rename(shop)

    output = migrate(shop, "--phase", "expand")
    assert applied(shop) == ["0001", "0002", "0003"]
    assert "shop.0004_rename_name_contract: it belongs after the deploy" in output
    assert "manage.py migrate --phase contract" in output

    assert migrate(shop, "--phase", "expand").count("it belongs after the deploy") == 1
    assert applied(shop) == ["0001", "0002", "0003"]

    assert "Held back" not in migrate(shop, "--phase", "contract")
    assert columns(shop) == ["id", "full_name", "age"]


def test_after_the_deploy_nothing_runs_that_belongs_before_it(shop: Project) -> None:
    write_rename(shop)
    output = migrate(shop, "--phase", "contract")
    assert applied(shop) == ["0001"]
    before = "it belongs before the deploy. Run: manage.py migrate --phase expand"
    assert f"shop.0002_rename_name_expand: {before}" in output
    assert "shop.0004_rename_name_contract: it depends on shop.0003" in output


def test_the_deploy_stops_when_what_belongs_before_it_waits_for_a_contract(shop: Project) -> None:
    shop.write_migration("0002_age", REMOVE_FIELD, AFTER_INITIAL)
    shop.write_migration("0003_note", ADD_FIELD, [("shop", "0002_age")])
    stopped = shop.manage("migrate", "--phase", "expand", check=False, settings=SETTINGS)
    assert stopped.returncode == 1
    assert "Do not deploy yet" in stopped.stderr
    assert "shop.0003_note: it depends on shop.0002_age, which is held back" in stopped.stderr
    assert "shop.0002_age: it belongs after the deploy" in stopped.stdout
    assert applied(shop) == ["0001"]
    migrate(shop, "--phase", "contract")
    assert applied(shop) == ["0001", "0002"]
    migrate(shop, "--phase", "expand")
    assert applied(shop) == ["0001", "0002", "0003"]


def test_what_need_not_wait_has_run_by_then(shop: Project) -> None:
    shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    shop.write_migration("0003_age", REMOVE_FIELD, [("shop", "0002_note")])
    shop.write_migration("0004_more", ADD_FIELD.replace("note", "more"), [("shop", "0003_age")])
    assert shop.manage("migrate", "--phase", "expand", check=False).returncode == 1
    assert applied(shop) == ["0001", "0002"]


def test_the_deploy_does_not_wait_for_an_index_behind_a_contract(shop: Project) -> None:
    shop.write_migration("0002_age", REMOVE_FIELD, AFTER_INITIAL)
    shop.write_migration("0003_index", ADD_INDEX, [("shop", "0002_age")], atomic=False)
    migrate(shop, "--phase", "expand")
    assert applied(shop) == ["0001"]
    migrate(shop, "--phase", "contract")
    assert applied(shop) == ["0001", "0002", "0003"]


def test_the_deploy_goes_on_without_what_is_declared_to_belong_after_it(shop: Project) -> None:
    shop.write_migration("0002_age", REMOVE_FIELD, AFTER_INITIAL)
    file = shop.write_migration("0003_note", ADD_FIELD, [("shop", "0002_age")])
    file.write_text(file.read_text().replace("atomic = True", 'phase = "contract"'))
    migrate(shop, "--phase", "expand")
    assert applied(shop) == ["0001"]
    migrate(shop, "--phase", "contract")
    assert applied(shop) == ["0001", "0002", "0003"]


def test_a_migration_may_declare_its_phase(shop: Project) -> None:
    file = shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    file.write_text(file.read_text().replace("atomic = True", 'phase = "contract"'))
    migrate(shop, "--phase", "expand")
    assert applied(shop) == ["0001"]
    migrate(shop, "--phase", "contract")
    assert applied(shop) == ["0001", "0002"]


def test_a_phase_that_there_is_not_is_one_line_and_changes_nothing(shop: Project) -> None:
    file = shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    file.write_text(file.read_text().replace("atomic = True", 'phase = "contarct"'))
    result = shop.manage("migrate", check=False)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "shop.0002_note: phase = 'contarct'" in result.stderr
    assert applied(shop) == ["0001"]


def test_an_app_that_is_installed_runs_through_all_of_its_history_before_the_deploy(
    shop: Project,
) -> None:
    shop.add_app("blog")
    shop.write("blog/migrations/__init__.py")
    key = '("id", models.BigAutoField(primary_key=True))'
    fields = f'{key}, ("text", models.TextField(null=True))'
    shop.write_migration(
        "0001_initial", f'migrations.CreateModel("Post", fields=[{fields}]),', app="blog"
    )
    shop.write_migration(
        "0002_no_text",
        'migrations.RemoveField("post", "text"),',
        [("blog", "0001_initial")],
        app="blog",
    )
    assert "Held back" not in migrate(shop, "--phase", "expand")
    assert shop.rows("SELECT count(*) FROM blog_post") == [(0,)]


def test_a_table_that_running_code_knows_keeps_to_the_phase_even_without_rows(
    shop: Project,
) -> None:
    with shop.connect() as connection:
        connection.execute("TRUNCATE shop_user")
    shop.write_migration("0002_age", REMOVE_FIELD, AFTER_INITIAL)
    assert "it belongs after the deploy" in migrate(shop, "--phase", "expand")
    assert "age" in columns(shop)
    migrate(shop)
    assert "age" not in columns(shop)


def test_the_plan_shows_phases_and_what_becomes_of_each_migration(shop: Project) -> None:
    write_rename(shop)
    plan = migrate(shop, "--plan", "--phase", "expand")
    _, _, becomes = plan.partition("What becomes of them:\n")
    lines = [line.strip() for line in becomes.splitlines()]
    assert lines[:2] == [
        "shop.0002_rename_name_expand (expand): runs",
        "shop.0003_rename_name_backfill (expand): runs",
    ]
    assert lines[2].startswith(
        "shop.0004_rename_name_contract (contract): held back: it belongs after the deploy"
    )
    assert applied(shop) == ["0001"]


# Where there are no phases


def test_a_database_without_tables_gets_all_of_it(shop: Project) -> None:
    """What is deployed first needs it."""
    with shop.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    write_rename(shop)
    assert "Held back" not in migrate(shop, "--phase", "expand")
    assert applied(shop) == ["0001", "0002", "0003", "0004"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["shop", "zero"], "there is none in going back"),
        (["--fake"], "--fake and --prune change only the record"),
        (["shop", "--prune"], "--fake and --prune change only the record"),
    ],
)
def test_the_phase_cannot_be_combined_with(shop: Project, arguments: list[str], why: str) -> None:
    result = shop.manage("migrate", *arguments, "--phase", "expand", check=False)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert why in result.stderr
    assert applied(shop) == ["0001"]


def test_another_word_than_these_two(shop: Project) -> None:
    result = shop.manage("migrate", "--phase", "expnd", check=False)
    assert result.returncode == 2
    assert "argument --phase: invalid choice: 'expnd'" in result.stderr
