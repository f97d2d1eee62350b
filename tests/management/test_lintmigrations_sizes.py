"""`manage.py lintmigrations --sizes`: how long things take where the tables are large."""

from __future__ import annotations

import json

import pytest

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
    """A shop with a large table and a small one, both of which are to get an index."""
    tables = CREATE.format(name="Order") + CREATE.format(name="Customer")
    project.write_migration("0001_initial", tables)
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute(
            "INSERT INTO shop_order(status) SELECT 'x' FROM generate_series(1, 20000)"
        )
        connection.execute("INSERT INTO shop_customer(status) VALUES ('new')")
    with project.connect() as connection:
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
    indexes = INDEX.format(name="order") + INDEX.format(name="customer")
    project.write_migration("0002_indexes", indexes, [("shop", "0001_initial")])
    return project


def test_the_database_can_be_asked(shop: Project) -> None:
    result = shop.manage("lintmigrations", "--sizes", check=False)

    assert "of blocked writes on 20 k rows." in result.stdout
    assert "shop_customer" not in result.stdout


def test_so_can_a_file_from_elsewhere(shop: Project) -> None:
    shop.manage("lintmigrations", "--export-sizes", "--output", "sizes.json")
    exported = json.loads((shop.directory / "sizes.json").read_text())
    assert exported["tables"]["shop_order"] == {"rows": 20000}
    assert exported["tables"]["shop_customer"] == {"rows": 1}
    shop.add_settings("DATABASES = {}")

    result = shop.manage("lintmigrations", "--sizes", "sizes.json", check=False)

    assert "of blocked writes on 20 k rows." in result.stdout
    assert "shop_customer" not in result.stdout


def test_without_it_all_tables_may_be_large(shop: Project) -> None:
    result = shop.manage("lintmigrations", check=False)

    assert "shop_customer" in result.stdout
    assert "About" not in result.stdout


def test_a_database_that_cannot_be_asked_is_one_line(shop: Project) -> None:
    shop.add_settings("DATABASES['default'].update(HOST='/nowhere', PORT=1)")

    result = shop.manage("lintmigrations", "--sizes", check=False)

    assert result.returncode == 2
    assert "cannot be asked for the sizes of its tables" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("option", ["--sizes", "--export-sizes"])
def test_so_is_a_database_that_there_is_not(project: Project, option: str) -> None:
    result = project.manage("lintmigrations", option, "--database=defualt", check=False)

    assert result.returncode == 2
    assert "There is no database 'defualt'. Did you mean 'default'?" in result.stderr
