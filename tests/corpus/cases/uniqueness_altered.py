"""AlterField of what has an index."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.migrations import AlterField

from tests.corpus.case import Case


def _editor(**options: Any) -> models.Field[Any, Any]:
    return models.ForeignKey(
        "store.Customer", models.SET_NULL, null=True, related_name="+", **options
    )


CASES = [
    # Indexes and uniqueness.
    Case(
        "alter_index_added",
        "db_index=True on an integer",
        [
            AlterField("book", "pages", models.IntegerField(db_index=True)),
        ],
    ),
    Case(
        "alter_index_added_text",
        "db_index=True on a text: two indexes",
        [
            AlterField("order", "status", models.CharField(max_length=12, db_index=True)),
        ],
    ),
    Case(
        "alter_index_removed",
        "db_index removed",
        [
            AlterField("book", "shelf", models.CharField(max_length=20)),
        ],
    ),
    Case(
        "alter_slug_index_removed",
        "a SlugField without its index",
        [
            AlterField("book", "slug", models.SlugField(max_length=80, db_index=False)),
        ],
    ),
    Case(
        "alter_unique_added",
        "unique=True on a text",
        [
            AlterField("order", "number", models.CharField(max_length=20, unique=True)),
        ],
    ),
    Case(
        "alter_unique_added_integer",
        "unique=True on an integer",
        [
            AlterField("book", "pages", models.IntegerField(unique=True)),
        ],
    ),
    Case(
        "alter_unique_added_uuid",
        "unique=True on a uuid",
        [
            AlterField("book", "token", models.UUIDField(unique=True)),
        ],
    ),
    Case(
        "alter_unique_removed",
        "unique removed",
        [
            AlterField("book", "isbn", models.CharField(max_length=17)),
        ],
    ),
    Case(
        "alter_unique_to_index",
        "unique becomes an index",
        [
            AlterField("book", "isbn", models.CharField(max_length=17, db_index=True)),
        ],
    ),
    Case(
        "alter_index_to_unique",
        "an index becomes unique",
        [
            AlterField("book", "shelf", models.CharField(max_length=20, unique=True)),
        ],
    ),
    Case(
        "alter_unique_and_widen",
        "wider and unique at once",
        [
            AlterField("order", "number", models.CharField(max_length=40, unique=True)),
        ],
    ),
    Case(
        "alter_index_not_atomic",
        "db_index=True, atomic=False",
        [
            AlterField("book", "pages", models.IntegerField(db_index=True)),
        ],
        atomic=False,
    ),
]
