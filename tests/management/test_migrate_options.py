"""Options of Django's `migrate`, which do what they do there."""

from __future__ import annotations

import pytest

from tests.support.databases import temporary_database
from tests.support.project import Project
from tests.support.shop import applied, columns, write_rename

AFTER_INITIAL = [("shop", "0001_initial")]
ADD_INDEX = 'migrations.AddIndex("user", models.Index(fields=["age"], name="age_idx")),'
ADD_FIELD = 'migrations.AddField("user", "note", models.TextField(null=True)),'


# --plan and --check


def test_the_plan_ends_with_the_exit_code_of_check(shop: Project) -> None:
    assert shop.manage("migrate", "--plan", "--check").returncode == 0
    write_rename(shop)
    result = shop.manage("migrate", "--plan", "--check", check=False)
    assert result.returncode == 1
    assert "What becomes of them:" in result.stdout


def test_what_is_held_back_is_unapplied(shop: Project) -> None:
    write_rename(shop)
    shop.manage("migrate")
    assert applied(shop) == ["0001", "0002", "0003"]
    assert shop.manage("migrate", "--check", check=False).returncode == 1


def test_the_plan_says_what_would_be_refused_and_how_to_go_on(shop: Project) -> None:
    shop.write_migration("0002_index", ADD_INDEX, AFTER_INITIAL)
    result = shop.manage("migrate", "--plan")
    assert "shop.0002_index (expand): refused, and so is all the rest" in result.stdout
    assert "ZD101 add-index-blocks-writes: Building index" in result.stdout
    assert 'manage.py migrate --unsafe "REASON"' in result.stdout
    unsafe = shop.manage("migrate", "--plan", "--unsafe", "three users only").stdout
    assert "shop.0002_index (expand): runs, unsafe as it is" in unsafe


def test_the_plan_of_going_back(shop: Project) -> None:
    plan = shop.manage("migrate", "shop", "zero", "--plan").stdout
    assert "Undo Create model User" in plan
    assert "What becomes of them" not in plan


# What is refused


def test_a_refusal_comes_before_anything_has_run(shop: Project) -> None:
    shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    shop.write_migration("0003_index", ADD_INDEX, [("shop", "0002_note")])
    with shop.connect() as connection:
        connection.execute(
            "DELETE FROM django_migrations WHERE app = 'zero_downtime'; "
            "DROP TABLE zero_downtime_journalentry, zero_downtime_backfill, "
            "zero_downtime_transition CASCADE"
        )
    assert shop.manage("migrate", check=False).returncode == 1
    assert applied(shop) == ["0001"]
    assert shop.rows("SELECT count(*) FROM pg_tables WHERE tablename LIKE '%journalentry'") == [
        (0,)
    ]


def test_what_waits_behind_a_contract_is_not_refused_yet(shop: Project) -> None:
    write_rename(shop)
    shop.write_migration("0005_index", ADD_INDEX, [("shop", "0004_rename_name_contract")])
    shop.manage("migrate")
    assert applied(shop) == ["0001", "0002", "0003"]


# --fake and --fake-initial


def test_what_is_there_is_taken_for_applied_while_a_contract_waits(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("DELETE FROM django_migrations WHERE app = 'shop'")
    write_rename(shop)
    output = shop.manage("migrate", "--fake-initial").stdout
    assert "Applying shop.0001_initial... FAKED" in output
    assert "Applying shop.0002_rename_name_expand... OK" in output
    assert applied(shop) == ["0001", "0002", "0003"]


def test_faking_up_to_a_migration(shop: Project) -> None:
    write_rename(shop)
    shop.manage("migrate", "shop", "0004", "--fake")
    assert applied(shop) == ["0001", "0002", "0003", "0004"]
    assert columns(shop) == ["id", "name", "age"]


# --prune, --run-syncdb


def test_pruning(shop: Project) -> None:
    file = shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    shop.manage("migrate")
    file.unlink()
    assert "Pruning shop.0002_note OK" in shop.manage("migrate", "shop", "--prune").stdout
    assert applied(shop) == ["0001"]


def test_an_app_without_migrations_by_name(shop: Project) -> None:
    shop.add_app("notes")
    shop.write(
        "notes/models.py",
        """
        from django.db import models

        class Note(models.Model):
            text = models.TextField()
        """,
    )
    shop.manage("migrate", "notes", "--run-syncdb")
    assert shop.rows("SELECT count(*) FROM notes_note") == [(0,)]


def test_an_app_with_migrations_cannot_be_synchronized(shop: Project) -> None:
    result = shop.manage("migrate", "shop", "--run-syncdb", check=False)
    assert result.returncode == 1
    assert "Can't use run_syncdb with app 'shop' as it has migrations." in result.stderr


# Graphs that are wrong


def test_several_ends_of_one_app_are_told_in_djangos_words(shop: Project) -> None:
    shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    shop.write_migration("0002_index", ADD_INDEX, AFTER_INITIAL)
    result = shop.manage("migrate", check=False)
    assert result.returncode == 1
    assert "Conflicting migrations detected; multiple leaf nodes" in result.stderr
    assert "makemigrations --merge" in result.stderr
    assert applied(shop) == ["0001"]


def test_a_history_that_cannot_be_is_told_in_djangos_words(shop: Project) -> None:
    shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    shop.manage("migrate")
    shop.rows(
        "DELETE FROM django_migrations WHERE name = '0001_initial' AND app = 'shop' RETURNING 1"
    )
    result = shop.manage("migrate", check=False)
    assert result.returncode == 1
    assert "InconsistentMigrationHistory" in result.stderr
    assert applied(shop) == ["0002"]


@pytest.mark.parametrize("option", ["--plan", "--check", "--fake", "--prune"])
def test_an_unknown_app_is_told_as_everywhere(shop: Project, option: str) -> None:
    result = shop.manage("migrate", "shp", option, check=False)
    assert result.returncode == 2
    assert "There is no app with migrations 'shp'. Did you mean 'shop'?" in result.stderr


# Verbosity, questions, checks


def test_silence_about_what_is_held_back_when_asked_for(shop: Project) -> None:
    write_rename(shop)
    result = shop.manage("migrate", "-v", "0")
    assert (result.stdout, result.stderr) == ("", "")
    assert applied(shop) == ["0001", "0002", "0003"]


@pytest.mark.parametrize("verbosity", ["2", "3"])
def test_more_is_said_when_asked_for(shop: Project, verbosity: str) -> None:
    write_rename(shop)
    output = shop.manage("migrate", "-v", verbosity, "--noinput").stdout
    assert "Applying shop.0002_rename_name_expand... OK (" in output
    assert "Held back:" in output


def test_checks_can_be_skipped(shop: Project) -> None:
    shop.add_settings("ROOT_URLCONF = 'nowhere'")
    assert shop.manage("migrate", "--skip-checks").returncode == 0


def test_another_database(shop: Project, server_url: str) -> None:
    with temporary_database(server_url) as url:
        shop.add_settings(
            f"""
            from devtools.database_url import database_settings
            DATABASES["other"] = database_settings({url!r})
            """
        )
        write_rename(shop)
        shop.manage("migrate", "--database", "other")
        with Project(shop.directory / "other", url) as other:
            assert applied(other) == ["0001", "0002", "0003", "0004"]
    assert applied(shop) == ["0001"]
