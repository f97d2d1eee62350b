"""`manage.py makemigrations`, after fields and constraints have been added."""

from __future__ import annotations

import pytest

from tests.support.project import Project

BEFORE = """
from django.db import models


class Author(models.Model):
    pass


class Book(models.Model):
    title = models.CharField(max_length=50)
    author = models.ForeignKey(Author, models.CASCADE)
    pages = models.IntegerField(null=True)

    class Meta:
        unique_together = [("title", "pages")]
"""
FIELDS = {
    "an index": "code = models.IntegerField(null=True, db_index=True)",
    "two of them": "code = models.SlugField(default='none')",
    "uniqueness": "code = models.IntegerField(null=True, unique=True)",
    "a foreign key": "code = models.ForeignKey('self', models.CASCADE, null=True)",
    "a foreign key with a value": (
        "code = models.ForeignKey(Author, models.CASCADE, default=1, related_name='x')"
    ),
    "a check": "code = models.PositiveIntegerField(null=True)",
    "a default in Python": "code = models.BooleanField(default=False)",
    "a default of the server": "code = models.UUIDField(db_default=RandomUUID())",
}
ALTERED = {
    "uniqueness": ("pages = models.IntegerField(null=True)", "unique=True"),
    "an index": ("pages = models.IntegerField(null=True)", "db_index=True"),
    "nothing in the way": ("author = models.ForeignKey(Author, models.CASCADE)", "null=True"),
}
IN_META = {
    "a check": "constraints = [models.CheckConstraint(condition=~models.Q(title=''), name='one')]",
    "uniqueness": "constraints = [models.UniqueConstraint(fields=['title'], name='one_title')]",
    "an index": "indexes = [models.Index(fields=['title'], name='title_idx')]",
}


@pytest.fixture
def shop(project: Project) -> Project:
    """A shop with a book in it, whose migrations are applied."""
    project.write("shop/models.py", BEFORE)
    project.manage("makemigrations", "shop")
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_author DEFAULT VALUES")
        connection.execute("INSERT INTO shop_book (title, author_id) VALUES ('Emma', 1)")
    return project


def change(project: Project, old: str, new: str) -> str:
    """Change the models; return what is written for that, which leads there and lints clean."""
    source = BEFORE.replace(old, new).replace(
        "from django.db import models",
        "from django.contrib.postgres.functions import RandomUUID\nfrom django.db import models",
    )
    project.write("shop/models.py", source)
    project.manage("makemigrations")
    project.manage("makemigrations", "--check")
    project.manage("lintmigrations", "--fail-on", "warning", "--ignore", "ZD103,ZD104")
    project.manage("migrate")
    project.manage("migrate", "shop", "0001")
    [path] = (project.directory / "shop/migrations").glob("0002*.py")
    return path.read_text()


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_a_field_is_added_without_blocking_anybody(shop: Project, field: str) -> None:
    written = change(shop, "\n    class Meta", f"    {field}\n\n    class Meta")

    assert "zero_downtime.operations.AddFieldConcurrently(" in written


@pytest.mark.parametrize(("old", "more"), ALTERED.values(), ids=ALTERED)
def test_a_field_is_altered_without_blocking_anybody(shop: Project, old: str, more: str) -> None:
    written = change(shop, old, f"{old.removesuffix(')')}, {more})")

    assert "zero_downtime.operations.AlterFieldConcurrently(" in written


@pytest.mark.parametrize("item", IN_META.values(), ids=IN_META)
def test_what_meta_declares_is_added_without_blocking_anybody(shop: Project, item: str) -> None:
    written = change(shop, "unique_together", f"{item}\n        unique_together")

    assert "Concurrently(" in written


def test_an_ordinary_field_is_djangos_own(shop: Project) -> None:
    written = change(
        shop, "\n    class Meta", "    code = models.TextField(null=True)\n\n    class Meta"
    )

    assert "migrations.AddField(" in written


def test_what_needs_no_transaction_is_apart_from_what_has_one(shop: Project) -> None:
    source = BEFORE.replace(
        "\n    class Meta",
        "    code = models.TextField(null=True)\n"
        "    isbn = models.IntegerField(null=True, unique=True)\n\n    class Meta",
    )
    shop.write("shop/models.py", source)

    shop.manage("makemigrations")

    shop.manage("makemigrations", "--check")
    shop.manage("lintmigrations", "--fail-on", "warning")
    names = sorted(path.stem for path in (shop.directory / "shop/migrations").glob("0*.py"))
    assert names[1:] == ["0002_book_code", "0003_book_isbn"]
