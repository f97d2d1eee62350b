"""`manage.py makemigrations`, after a field has changed its type or become NOT NULL."""

from __future__ import annotations

import pytest

from tests.support.project import Project

MODELS = """
from django.db import models


class Author(models.Model):
    name = models.TextField()


class Book(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
    pages = models.{pages}
    code = models.{code}
    {more}

    class Meta:
        indexes = [{indexes}]
        constraints = [models.CheckConstraint(condition=models.Q(pages__gt=0), name="has_pages")]
"""
INTEGER = "IntegerField(db_index=True)"
BIGINT = "BigIntegerField(db_index=True)"
EXPAND = "0002_alter_book_pages_expand"
SWITCH = "0003_alter_book_pages_switch"
CONTRACT = "0004_alter_book_pages_contract"
NOBODY_WAITS = {"CONTRACT_QUIET": 0}


def write_models(
    project: Project,
    pages: str = INTEGER,
    code: str = "CharField(max_length=36, unique=True)",
    indexes: str = "",
    more: str = "",
) -> None:
    source = MODELS.format(pages=pages, code=code, indexes=indexes, more=more)
    project.write("shop/models.py", source)


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop with its first migration, which is not applied yet."""
    write_models(project)
    project.manage("makemigrations", "shop")
    return project


def written(project: Project) -> list[str]:
    """Return the names of the migrations on disk but for the first."""
    return sorted(path.stem for path in (project.directory / "shop/migrations").glob("0*.py"))[1:]


def source(project: Project, name: str) -> str:
    return (project.directory / f"shop/migrations/{name}.py").read_text()


def fill(project: Project) -> None:
    """Apply what there is, and put a book on the shelf."""
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_author (name) VALUES ('Ann')")
        connection.execute(
            "INSERT INTO shop_book (author_id, pages, code) "
            "VALUES (1, 42, '6f1fb7a2-9d5c-4d0c-8a3f-0d9a0c2f8f11')"
        )


def schema(project: Project) -> list[tuple[object, ...]]:
    """Return columns (their order does not matter), indexes and constraints of our tables."""
    return [
        *project.rows(
            "SELECT table_name, column_name, data_type, is_nullable, column_default, "
            "is_identity FROM information_schema.columns "
            "WHERE table_name LIKE 'shop_%' ORDER BY 1, 2"
        ),
        *project.rows(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'shop_%' ORDER BY 1"
        ),
        *project.rows(
            "SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint "
            "WHERE conrelid::regclass::text LIKE 'shop_%' ORDER BY 1"
        ),
    ]


def unnamed(schema: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return sorted(row[1:] if len(row) == 3 else row for row in schema)


def stock_schema(project: Project) -> list[tuple[object, ...]]:
    """Apply from scratch what Django writes for the models; return the schema of that."""
    for path in (project.directory / "shop/migrations").glob("0*.py"):
        path.unlink()
    project.manage("makemigrations", "shop", "--stock")
    with project.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    project.manage("migrate")
    return schema(project)


def assert_complete_and_clean(project: Project) -> None:
    """All that was written leads to the models, and lints clean."""
    project.manage("makemigrations", "--check")
    project.manage("lintmigrations", "--fail-on", "warning")


def applied(project: Project) -> list[str]:
    return [
        name
        for (name,) in project.rows(
            "SELECT name FROM django_migrations WHERE app = 'shop' ORDER BY id"
        )
    ][1:]


def test_a_change_of_type_becomes_a_migration_for_each_deploy_step(shop: Project) -> None:
    write_models(shop, pages=BIGINT)

    result = shop.manage("makemigrations")

    assert written(shop) == [EXPAND, SWITCH, CONTRACT]
    assert "zero_downtime.operations.ExpandAlterField(" in source(shop, EXPAND)
    assert "zero_downtime.operations.BackfillField(" in source(shop, EXPAND)
    assert "zero_downtime.operations.SwitchAlterField(" in source(shop, SWITCH)
    assert "zero_downtime.operations.ContractAlterField(" in source(shop, CONTRACT)
    assert f"shop.{SWITCH}: Run it when all running code can do with pages of" in result.stdout
    assert_complete_and_clean(shop)


def test_on_a_table_in_use_each_deploy_runs_one_of_them(shop: Project) -> None:
    fill(shop)
    write_models(shop, pages=BIGINT)
    shop.manage("makemigrations")

    for number in (1, 2, 3):
        shop.manage("migrate", settings=NOBODY_WAITS)
        assert applied(shop) == [EXPAND, SWITCH, CONTRACT][:number]

    assert shop.rows("SELECT pages, pg_typeof(pages)::text FROM shop_book") == [(42, "bigint")]
    assert schema(shop) == stock_schema(shop)


def test_on_an_empty_one_they_run_in_one_go(shop: Project) -> None:
    write_models(shop, pages=BIGINT)
    shop.manage("makemigrations")

    shop.manage("migrate")

    assert applied(shop) == [EXPAND, SWITCH, CONTRACT]
    assert schema(shop) == stock_schema(shop)


def test_what_builds_on_the_field_comes_last_and_what_goes_with_it_first(shop: Project) -> None:
    plain = "models.Index(fields=['pages'], name='pages_idx')"
    write_models(shop, indexes="models.Index(fields=['pages', 'code'], name='old_idx')")
    shop.manage("makemigrations", "shop", "--name", "index")
    fill(shop)
    write_models(shop, pages=BIGINT, indexes=plain, more="note = models.TextField(null=True)")

    shop.manage("makemigrations")

    assert [name[5:] for name in written(shop)[1:]] == [
        "remove_book_old_idx_book_note",
        "alter_book_pages_expand",
        "alter_book_pages_switch",
        "alter_book_pages_contract",
        "book_pages_idx",
    ]
    assert_complete_and_clean(shop)
    for _ in range(3):
        shop.manage("migrate", settings=NOBODY_WAITS)
    assert len(applied(shop)) == 6
    assert schema(shop) == stock_schema(shop)


def test_texts_become_uuids(shop: Project) -> None:
    fill(shop)
    write_models(shop, code="UUIDField(unique=True)")

    shop.manage("makemigrations")

    assert_complete_and_clean(shop)
    for _ in range(3):
        shop.manage("migrate", settings=NOBODY_WAITS)
    assert schema(shop) == stock_schema(shop)


def test_a_wider_text_is_djangos_own(shop: Project) -> None:
    write_models(shop, code="CharField(max_length=50, unique=True)")

    shop.manage("makemigrations")

    [name] = written(shop)
    assert "migrations.AlterField(" in source(shop, name)


def test_a_project_on_another_database_gets_the_same_files(shop: Project) -> None:
    """Types are those of PostgreSQL; elsewhere the switch is an AlterField."""
    shop.add_settings("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}")
    shop.add_settings("DATABASES['default']['NAME'] = 'shop.sqlite3'")
    write_models(shop, pages=BIGINT)

    shop.manage("makemigrations")

    assert written(shop) == [EXPAND, SWITCH, CONTRACT]
    assert_complete_and_clean(shop)
    shop.manage("migrate")


def test_primary_keys_that_become_bigger_share_their_deploy_steps(project: Project) -> None:
    """What a new DEFAULT_AUTO_FIELD does to every model of an app."""
    write_models(project)
    project.add_settings("DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'")
    project.manage("makemigrations", "shop")
    fill(project)
    project.add_settings("DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'")

    project.manage("makemigrations", "--name", "keys")

    assert written(project) == ["0002_keys_expand", "0003_keys_switch", "0004_keys_contract"]
    assert source(project, "0002_keys_expand").count("ExpandAlterField(") == 2
    assert source(project, "0003_keys_switch").count("SwitchAlterField(") == 2
    assert_complete_and_clean(project)
    for name in written(project):
        project.manage("migrate", settings=NOBODY_WAITS)
        assert applied(project)[-1] == name
    with project.connect() as connection:
        connection.execute(f"INSERT INTO shop_author (id, name) VALUES ({2**31}, 'Bea')")
    assert project.rows("SELECT author_id, pages FROM shop_book") == [(1, 42)]
    # But for the constraint of the foreign key, whose name AlterField shortens.
    assert unnamed(schema(project)) == unnamed(stock_schema(project))


def test_a_default_for_this_once_is_asked_for_and_filled_in(project: Project) -> None:
    write_models(project, more="note = models.TextField(null=True)")
    project.manage("makemigrations", "shop")
    fill(project)
    write_models(project, more="note = models.TextField()")

    project.manage("makemigrations", input="1\n'none'\n")

    [name] = written(project)
    assert "zero_downtime.operations.AlterFieldConcurrently(" in source(project, name)
    assert_complete_and_clean(project)
    project.manage("migrate")
    assert project.rows("SELECT note FROM shop_book") == [("none",)]
