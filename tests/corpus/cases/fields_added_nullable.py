"""AddField of what may be NULL."""

from __future__ import annotations

from django.contrib.postgres.fields import (
    ArrayField,
    IntegerRangeField,
)
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.migrations import AddField

from tests.corpus.case import Case

CASES = [
    Case(
        "add_nullable_text",
        "a nullable text",
        [
            AddField("book", "foreword", models.TextField(null=True)),
        ],
    ),
    Case(
        "add_nullable_char",
        "a nullable varchar",
        [
            AddField("customer", "nickname", models.CharField(max_length=40, null=True)),
        ],
    ),
    Case(
        "add_nullable_integer_with_default",
        "a nullable integer with a Python default",
        [
            AddField("order", "priority", models.IntegerField(null=True, default=3)),
        ],
    ),
    Case(
        "add_nullable_boolean",
        "a nullable boolean",
        [
            AddField("order", "gift_wrapped", models.BooleanField(null=True)),
        ],
    ),
    Case(
        "add_nullable_json",
        "a nullable jsonb",
        [
            AddField("order", "metadata", models.JSONField(null=True)),
        ],
    ),
    Case(
        "add_nullable_binary",
        "a nullable bytea",
        [
            AddField("book", "thumbnail", models.BinaryField(null=True)),
        ],
    ),
    Case(
        "add_nullable_date",
        "a nullable date",
        [
            AddField("book", "withdrawn_on", models.DateField(null=True)),
        ],
    ),
    Case(
        "add_nullable_time",
        "a nullable time",
        [
            AddField("book", "closes_at", models.TimeField(null=True)),
        ],
    ),
    Case(
        "add_nullable_float",
        "a nullable double",
        [
            AddField("book", "rating", models.FloatField(null=True)),
        ],
    ),
    Case(
        "add_nullable_decimal",
        "a nullable numeric",
        [
            AddField(
                "order", "discount", models.DecimalField(max_digits=6, decimal_places=2, null=True)
            ),
        ],
    ),
    Case(
        "add_nullable_url",
        "a nullable URL",
        [
            AddField("customer", "homepage", models.URLField(null=True)),
        ],
    ),
    Case(
        "add_nullable_file",
        "a nullable file name",
        [
            AddField("book", "cover", models.FileField(upload_to="covers", null=True)),
        ],
    ),
    Case(
        "add_nullable_search_vector",
        "a nullable tsvector",
        [
            AddField("book", "search", SearchVectorField(null=True)),
        ],
    ),
    Case(
        "add_nullable_range",
        "a nullable int4range",
        [
            AddField("book", "age_range", IntegerRangeField(null=True)),
        ],
    ),
    Case(
        "add_nullable_array_with_default",
        "a nullable array with default=list",
        [
            AddField("order", "flags", ArrayField(models.IntegerField(), null=True, default=list)),
        ],
    ),
    Case(
        "add_nullable_array_of_positive",
        "a nullable array of PositiveIntegerField",
        [
            AddField("order", "gates", ArrayField(models.PositiveIntegerField(), null=True)),
        ],
    ),
    Case(
        "add_nullable_positive",
        "a nullable PositiveIntegerField: CHECK is scanned",
        [
            AddField("book", "stock", models.PositiveIntegerField(null=True)),
        ],
    ),
    Case(
        "add_nullable_positive_small",
        "a nullable PositiveSmallIntegerField",
        [
            AddField("order", "attempts", models.PositiveSmallIntegerField(null=True)),
        ],
    ),
    Case(
        "add_nullable_db_index",
        "a nullable integer with an index",
        [
            AddField("order", "warehouse", models.IntegerField(null=True, db_index=True)),
        ],
    ),
    Case(
        "add_nullable_slug",
        "SlugField has an index, and one for LIKE",
        [
            AddField("customer", "handle", models.SlugField(null=True)),
        ],
    ),
    Case(
        "add_nullable_unique",
        "a nullable unique column",
        [
            AddField(
                "customer", "tax_number", models.CharField(max_length=20, null=True, unique=True)
            ),
        ],
    ),
    Case(
        "add_nullable_unique_integer",
        "a nullable unique integer",
        [
            AddField("order", "invoice_number", models.IntegerField(null=True, unique=True)),
        ],
    ),
]
