"""`manage.py makemigrations`, as a user types it after a change of models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.support.project import Project

MODELS = """
from django.db import models


class Customer(models.Model):
    {name} = models.CharField(max_length=100)
    {more}

    class Meta:
        indexes = [{indexes}]
"""
INDEX = "models.Index(fields=['{name}'], name='customer_idx')"

INITIAL = """
    migrations.CreateModel(
        "Customer",
        fields=[
            (
                "id",
                models.BigAutoField(
                    auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                ),
            ),
            ("name", models.CharField(max_length=100)),
        ],
    ),
"""

EXPAND = "0002_rename_name_customer_full_name_expand"
BACKFILL = "0003_rename_name_customer_full_name_backfill"
CONTRACT = "0004_rename_name_customer_full_name_contract"
STOCK = "0002_rename_name_customer_full_name"


def write_models(project: Project, name: str = "name", indexes: str = "", more: str = "") -> None:
    project.write("shop/models.py", MODELS.format(name=name, indexes=indexes, more=more))


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop of one model, with its first migration."""
    write_models(project)
    project.write_migration("0001_initial", INITIAL)
    return project


def written(project: Project, app: str = "shop") -> list[str]:
    """Return the names of the migrations on disk."""
    return sorted(path.stem for path in (project.directory / app / "migrations").glob("0*.py"))


def source(project: Project, name: str) -> str:
    return (project.directory / f"shop/migrations/{name}.py").read_text()


def rename(
    project: Project,
    *options: str,
    settings: Mapping[str, Any] | None = None,
    check: bool = True,
    **models: str,
) -> CompletedProcess[str]:
    """Rename the field `name` and say so when makemigrations asks."""
    write_models(project, name="full_name", **models)
    return project.manage("makemigrations", *options, input="y\n", settings=settings, check=check)


def assert_complete_and_clean(project: Project) -> None:
    """All that was written imports, lints clean, leads to the models, and can be applied."""
    project.manage("makemigrations", "--check")
    project.manage("lintmigrations", "--fail-on", "warning")
    project.manage("migrate")


def test_the_first_migration_is_djangos_own(project: Project) -> None:
    write_models(project, indexes=INDEX.format(name="name"))

    project.manage("makemigrations")

    assert "zero_downtime" not in source(project, "0001_initial")


def test_a_rename_becomes_a_migration_for_each_deploy_step(shop: Project) -> None:
    rename(shop)

    assert written(shop) == ["0001_initial", EXPAND, BACKFILL, CONTRACT]
    assert "zero_downtime.operations.ExpandRenameField(" in source(shop, EXPAND)
    assert "zero_downtime.operations.BackfillField(" in source(shop, BACKFILL)
    assert "zero_downtime.operations.ContractRenameField(" in source(shop, CONTRACT)
    assert_complete_and_clean(shop)


def test_each_file_and_the_terminal_say_when_to_run_it(shop: Project) -> None:
    result = rename(shop)

    when = "Run it before deploying code that uses full_name; name stays usable."
    assert f'(migrations.Migration):\n    """{when}"""\n\n    atomic = False\n' in source(
        shop, EXPAND
    )
    assert f"shop.{EXPAND}: {when}" in result.stdout
    assert f"shop.{CONTRACT}: Run it when no running code uses name any more" in result.stdout


def test_an_index_is_built_concurrently(shop: Project) -> None:
    write_models(shop, indexes=INDEX.format(name="name"))
    shop.manage("makemigrations")

    assert written(shop) == ["0001_initial", "0002_customer_customer_idx"]
    text = source(shop, "0002_customer_customer_idx")
    assert "zero_downtime.operations.AddIndexConcurrently(" in text
    assert text.count("    atomic = False\n") == 1
    assert_complete_and_clean(shop)


def test_the_index_of_a_renamed_field_follows_it(project: Project) -> None:
    write_models(project, indexes=INDEX.format(name="name"))
    project.manage("makemigrations")
    project.manage("migrate")

    rename(project, indexes=INDEX.format(name="full_name"))

    assert written(project) == ["0001_initial", EXPAND, BACKFILL, CONTRACT]
    assert_complete_and_clean(project)
    assert project.rows("SELECT indexdef FROM pg_indexes WHERE indexname = 'customer_idx'") == [
        ("CREATE INDEX customer_idx ON public.shop_customer USING btree (full_name)",)
    ]


def test_so_does_an_index_that_django_names_after_the_field(project: Project) -> None:
    """It is the same index all the time, with the files that it was built into."""
    index = "models.Index(fields=['{name}'])"
    its_file = (
        "SELECT pg_relation_filenode(indexrelid) FROM pg_index WHERE indrelid = "
        "'shop_customer'::regclass AND pg_get_indexdef(indexrelid) LIKE %s"
    )
    write_models(project, indexes=index.format(name="name"))
    project.manage("makemigrations")
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_customer (name) VALUES ('Ann')")
    before = project.rows(its_file, ["CREATE INDEX %(name)"])

    rename(project, indexes=index.format(name="full_name"))

    first, *others = written(project)[1:]
    assert "migrations.RenameIndex(" in source(project, first)
    assert [name[5:] for name in others] == [name[5:] for name in (EXPAND, BACKFILL, CONTRACT)]
    project.manage("lintmigrations", "--fail-on", "warning")
    project.manage("migrate", "shop", "0004", settings={"CONTRACT_QUIET": 0})
    assert before == project.rows(its_file, ["CREATE INDEX %_full_na_% (name)"])
    project.manage("migrate", settings={"CONTRACT_QUIET": 0})
    assert before == project.rows(its_file, ["CREATE INDEX %_full_na_% (full_name)"])
    project.manage("makemigrations", "--check")
    project.manage("migrate", "shop", "0001")
    assert before == project.rows(its_file, ["CREATE INDEX %(name)"])


def test_other_changes_keep_their_own_migration(shop: Project) -> None:
    rename(
        shop,
        more="nickname = models.TextField(null=True)",
        indexes=INDEX.format(name="full_name"),
    )

    assert written(shop) == [
        "0001_initial",
        EXPAND,
        "0003_customer_nickname",
        "0004_rename_name_customer_full_name_backfill",
        "0005_rename_name_customer_full_name_contract",
        "0006_customer_customer_idx",
    ]
    assert "zero_downtime" not in source(shop, "0003_customer_nickname")
    assert_complete_and_clean(shop)


def test_a_column_that_keeps_its_name_needs_no_stages(shop: Project) -> None:
    write_models(shop)
    models = shop.directory / "shop/models.py"
    models.write_text(
        models.read_text().replace(
            "name = models.CharField(", "full_name = models.CharField(db_column='name', "
        )
    )
    shop.manage("makemigrations", input="y\n")

    [_, name] = written(shop)
    assert "migrations.RenameField(" in source(shop, name)


@pytest.mark.parametrize("how", ["--stock", "off"])
def test_djangos_own_can_be_had(shop: Project, how: str) -> None:
    if how == "off":
        rename(shop, settings={"MAKEMIGRATIONS": "off"})
    else:
        rename(shop, how)

    assert written(shop) == ["0001_initial", STOCK]
    assert "zero_downtime" not in source(shop, STOCK)
    assert "atomic" not in source(shop, STOCK)


def test_check_refuses_with_the_findings_and_writes_nothing(shop: Project) -> None:
    result = rename(shop, settings={"MAKEMIGRATIONS": "check"}, check=False)

    assert result.returncode == 1
    assert "error ZD201 rename-field-breaks-old-code" in result.stderr
    assert "--stock" in result.stderr
    assert written(shop) == ["0001_initial"]


def test_check_lets_safe_changes_pass(shop: Project) -> None:
    write_models(shop, more="nickname = models.TextField(null=True)")

    shop.manage("makemigrations", settings={"MAKEMIGRATIONS": "check"})

    assert written(shop) == ["0001_initial", "0002_customer_nickname"]


def test_without_an_answer_it_is_no_rename(shop: Project) -> None:
    write_models(shop, name="full_name", more="")

    result = shop.manage("makemigrations", "--noinput", check=False)

    assert result.returncode == 3  # Django wants a default for the field it takes for a new one
    assert written(shop) == ["0001_initial"]


def test_a_dry_run_shows_all_and_writes_nothing(shop: Project) -> None:
    result = rename(shop, "--dry-run", "--verbosity", "3")

    assert EXPAND in result.stdout
    assert "zero_downtime.operations.ContractRenameField(" in result.stdout
    assert written(shop) == ["0001_initial"]


def test_checking_for_missing_migrations_writes_nothing(shop: Project) -> None:
    assert rename(shop, "--check", check=False).returncode == 1
    assert written(shop) == ["0001_initial"]


def test_the_name_that_was_asked_for_is_kept(shop: Project) -> None:
    rename(shop, "--name", "people")

    assert written(shop) == [
        "0001_initial",
        "0002_people_expand",
        "0003_people_backfill",
        "0004_people_contract",
    ]


def test_scriptable_prints_the_paths_and_nothing_else(shop: Project) -> None:
    result = rename(shop, "--scriptable")

    assert result.stdout.split() == [
        f"shop/migrations/{name}.py" for name in (EXPAND, BACKFILL, CONTRACT)
    ]


def test_updating_the_last_migration(shop: Project) -> None:
    write_models(shop, more="nickname = models.TextField(null=True)")
    shop.manage("makemigrations", "--name", "people")

    rename(shop, "--update", more="nickname = models.TextField(null=True)")

    assert "0002_people" not in written(shop)
    assert [name[:4] for name in written(shop)] == ["0001", "0002", "0003", "0004", "0005"]
    assert_complete_and_clean(shop)


def test_an_update_keeps_a_migration_out_of_a_transaction(shop: Project) -> None:
    rename(shop)
    write_models(shop, name="full_name", more="nickname = models.TextField(null=True)")

    shop.manage("makemigrations", "--update")

    [updated] = [name for name in written(shop) if name.startswith("0004")]
    assert source(shop, updated).count("    atomic = False\n") == 1


def test_empty_and_merge_are_djangos_business(shop: Project) -> None:
    shop.manage("makemigrations", "shop", "--empty", "--name", "one")
    shop.write_migration("0002_two", "", dependencies=[("shop", "0001_initial")])

    shop.manage("makemigrations", "--merge", "--noinput")

    assert written(shop) == ["0001_initial", "0002_one", "0002_two", "0003_merge_0002_one_0002_two"]


def test_other_apps_of_the_same_change_depend_on_the_right_file(shop: Project) -> None:
    shop.write("billing/__init__.py")
    shop.write(
        "billing/models.py",
        """
        from django.db import models

        class Invoice(models.Model):
            nickname = models.ForeignKey("shop.Nickname", models.CASCADE)
        """,
    )
    shop.write("billing/migrations/__init__.py")
    settings = shop.directory / "settings.py"
    settings.write_text(f"{settings.read_text()}\nINSTALLED_APPS += ['billing']\n")
    write_models(shop, name="full_name")
    models = shop.directory / "shop/models.py"
    models.write_text(f"{models.read_text()}\n\nclass Nickname(models.Model):\n    pass\n")

    shop.manage("makemigrations", input="y\n")

    assert [name[:4] for name in written(shop)] == ["0001", "0002", "0003", "0004", "0005"]
    assert written(shop)[1] == "0002_nickname"
    [expand] = [name for name in written(shop) if name.endswith("_expand")]
    invoice = (shop.directory / "billing/migrations/0001_initial.py").read_text()
    assert f"('shop', '{expand}')" in invoice
    assert_complete_and_clean(shop)


def test_a_formatter_does_not_get_in_the_way(
    shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django runs `black` on what it wrote, if there is one."""
    black = tmp_path / "bin" / "black"
    black.parent.mkdir()
    black.write_text('#!/bin/sh\nshift 2\nsed -i -e \'/^class/{n;d}\' -e "s/\'/\\"/g" "$@"\n')
    black.chmod(0o755)
    monkeypatch.setenv("PATH", f"{black.parent}:/usr/bin:/bin")

    rename(shop)

    assert '"""Run it before deploying' in source(shop, EXPAND)
    assert 'old_name="name"' in source(shop, EXPAND)
    shop.manage("makemigrations", "--check")


def test_another_package_that_overrides_the_command_still_does_its_part(shop: Project) -> None:
    shop.write("shop/management/__init__.py")
    shop.write("shop/management/commands/__init__.py")
    shop.write(
        "shop/management/commands/makemigrations.py",
        """
        from django.core.management.commands import makemigrations
        from zero_downtime.management.commands.makemigrations import MakeMigrationsMixin

        class OtherCommand(makemigrations.Command):
            def write_migration_files(self, changes, *args, **kwargs):
                self.log(f"The other command writes {sum(map(len, changes.values()))}.")
                super().write_migration_files(changes, *args, **kwargs)

        class Command(MakeMigrationsMixin, OtherCommand):
            pass
        """,
    )
    settings = shop.directory / "settings.py"
    settings.write_text(
        settings.read_text().replace('["zero_downtime", "shop"]', '["shop", "zero_downtime"]')
    )

    result = rename(shop)

    assert "The other command writes 3." in result.stdout
    assert written(shop) == ["0001_initial", EXPAND, BACKFILL, CONTRACT]
