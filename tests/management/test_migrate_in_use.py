"""`manage.py migrate` while the application runs: a shop with three users."""

from __future__ import annotations

import json

import pytest

from tests.support.project import Project
from tests.support.shop import applied, journal, write_rename

AFTER_INITIAL = [("shop", "0001_initial")]
ADD_INDEX = 'migrations.AddIndex("user", models.Index(fields=["age"], name="age_idx")),'
ADD_FIELD = 'migrations.AddField("user", "note", models.TextField(null=True)),'


# What is refused


def test_an_unsafe_migration_is_refused_on_a_table_in_use(shop: Project) -> None:
    shop.write_migration("0002_index", ADD_INDEX, AFTER_INITIAL)
    result = shop.manage("migrate", check=False)
    assert result.returncode == 1
    assert "shop.0002_index: ZD101 add-index-blocks-writes" in result.stderr
    assert 'manage.py migrate --unsafe "REASON"' in result.stderr
    assert applied(shop) == ["0001"]


def test_so_is_one_of_a_table_of_another_schema(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("CREATE SCHEMA sales CREATE TABLE orders (id int)")
        connection.execute("INSERT INTO sales.orders VALUES (1)")
    sql = "migrations.RunSQL('CREATE INDEX ON sales.orders (id)', 'DROP INDEX sales.orders_id_idx')"
    shop.write_migration("0002_index", sql, AFTER_INITIAL)

    result = shop.manage("migrate", check=False)

    assert result.returncode == 1
    assert 'reads the whole table "sales.orders"' in result.stderr


def test_so_is_one_of_a_table_that_gets_another_name_before(shop: Project) -> None:
    """It is not there under that name yet."""
    comment = "# zero-downtime: ignore[ZD205] nobody uses it for a while\n"
    shop.write_migration(
        "0002_customer",
        comment
        + "migrations.RenameModel('user', 'customer'),\n"
        + ADD_INDEX.replace("user", "customer"),
        AFTER_INITIAL,
    )
    result = shop.manage("migrate", check=False)
    assert result.returncode == 1
    assert "ZD101" in result.stderr
    assert applied(shop) == ["0001"]


def test_a_suppression_in_the_migration_is_a_reason_as_well(shop: Project) -> None:
    comment = "# zero-downtime: ignore[add-index-blocks-writes] three users only\n"
    shop.write_migration("0002_index", comment + ADD_INDEX, AFTER_INITIAL)
    shop.manage("migrate")
    assert applied(shop) == ["0001", "0002"]


def test_a_reason_overrides_and_is_recorded(shop: Project) -> None:
    shop.write_migration("0002_index", ADD_INDEX, AFTER_INITIAL)
    shop.manage("migrate", "--unsafe", "three users only")
    assert applied(shop) == ["0001", "0002"]
    document = json.loads(shop.manage("migrate", "--history", "--json").stdout)
    assert document["version"] == 1
    first, second = (each for each in document["migrations"] if each["app"] == "shop")
    assert (first["name"], first["reason"]) == ("0001_initial", "")
    assert (second["name"], second["reason"]) == ("0002_index", "three users only")
    (operation,) = second["operations"]
    assert operation["description"] == "Create index age_idx on field(s) age of model user"
    assert "unsafe: three users only" in shop.manage("migrate", "--history").stdout


@pytest.mark.parametrize(("policy", "warnings"), [("warn", 1), ("off", 0)])
def test_a_project_may_only_warn_or_not_even_that(
    shop: Project, policy: str, warnings: int
) -> None:
    shop.write_migration("0002_index", ADD_INDEX, AFTER_INITIAL)
    result = shop.manage("migrate", settings={"MIGRATE": policy})
    assert result.stderr.count("ZD101") == warnings
    assert "not applied" not in result.stderr
    assert applied(shop) == ["0001", "0002"]


# What is held back


def test_a_contract_and_all_that_depends_on_it_wait_while_others_run(shop: Project) -> None:
    write_rename(shop)
    contract = ("shop", "0004_rename_name_contract")
    shop.write_migration("0005_note", ADD_FIELD, [contract])
    shop.add_app("blog")
    post = '("id", models.BigAutoField(primary_key=True))'
    shop.write("blog/migrations/__init__.py")
    shop.write_migration(
        "0001_initial",
        f'migrations.CreateModel("Post", fields=[{post}]),',
        [("shop", "0003_rename_name_backfill")],
        app="blog",
    )
    shop.write_migration(
        "0002_waits",
        'migrations.AddField("post", "text", models.TextField(null=True)),',
        [("blog", "0001_initial"), contract],
        app="blog",
    )

    output = shop.manage("migrate").stdout

    assert applied(shop) == ["0001", "0002", "0003"]
    blog = "SELECT name FROM django_migrations WHERE app = 'blog'"
    assert shop.rows(blog) == [("0001_initial",)]
    _, _, held_back = output.partition("Held back:\n")
    reasons = dict(line.strip().split(": ", 1) for line in held_back.splitlines()[:3])
    assert "its expand is applied in this same run" in reasons["shop.0004_rename_name_contract"]
    follows = "it depends on shop.0004_rename_name_contract, which is held back"
    assert reasons["shop.0005_note"] == reasons["blog.0002_waits"] == follows

    shop.manage("migrate", settings={"CONTRACT_QUIET": 0})
    assert applied(shop) == ["0001", "0002", "0003", "0004", "0005"]
    assert shop.rows(blog) == [("0001_initial",), ("0002_waits",)]


def test_a_contract_that_is_named_waits_all_the_same(shop: Project) -> None:
    write_rename(shop)
    output = shop.manage("migrate", "shop", "0004").stdout
    assert applied(shop) == ["0001", "0002", "0003"]
    assert "shop.0004_rename_name_contract: its expand is applied in this same run" in output


def test_a_contract_waits_for_a_backfill_that_is_registered_in_the_same_run(
    shop: Project,
) -> None:
    write_rename(shop)
    large = {"INLINE_BACKFILL_ROWS": 2, "CONTRACT_QUIET": 0}
    shop.manage("migrate", "shop", "0002", settings=large)

    output = shop.manage("migrate", settings=large).stdout

    assert applied(shop) == ["0001", "0002", "0003"]
    _, _, held_back = output.partition("Held back:\n")
    assert held_back.strip().startswith("shop.0004_rename_name_contract: ")
    assert "manage.py backfill shop.0003_rename_name_backfill" in held_back


def test_a_small_table_is_filled_and_contracted_in_the_run_after_the_expand(
    shop: Project,
) -> None:
    write_rename(shop)
    shop.manage("migrate", "shop", "0002")
    shop.manage("migrate", settings={"CONTRACT_QUIET": 0})
    assert applied(shop) == ["0001", "0002", "0003", "0004"]


# Options


def test_an_app_without_migrations_is_synchronized(shop: Project) -> None:
    shop.add_app("notes")
    shop.write(
        "notes/models.py",
        """
        from django.db import models

        class Note(models.Model):
            text = models.TextField()
        """,
    )
    write_rename(shop)
    shop.manage("migrate", "--run-syncdb")  # with a contract that has to wait
    assert shop.rows("SELECT count(*) FROM notes_note") == [(0,)]
    assert applied(shop) == ["0001", "0002", "0003"]


# The journal


def test_the_journal_has_what_was_applied_unapplied_and_failed(shop: Project) -> None:
    shop.write_migration(
        "0002_note",
        f'{ADD_FIELD} migrations.RunSQL("SELECT 1 / 0", migrations.RunSQL.noop),',
        AFTER_INITIAL,
    )
    failure = shop.manage("migrate", check=False)
    assert failure.returncode == 1
    assert "division by zero" in failure.stderr
    shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    shop.manage("migrate")
    shop.manage("migrate", "shop", "0001")
    assert journal(shop) == [
        ("0001", "applied"),
        ("0002", "failed"),
        ("0002", "applied"),
        ("0002", "unapplied"),
    ]
    text = shop.manage("migrate", "--history").stdout
    assert "shop.0002_note  failed by " in text
