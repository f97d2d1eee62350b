"""AddField on tables that exist and have rows."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal

from django.contrib.postgres.fields import (
    ArrayField,
    DateTimeRangeField,
)
from django.db import models
from django.db.migrations import AddField, AddIndex

from tests.corpus.case import Case

CASES = [
    Case(
        "add_slug_without_index",
        "a SlugField with db_index=False",
        [
            AddField("customer", "handle", models.SlugField(null=True, db_index=False)),
        ],
    ),
    Case(
        "add_unique_with_one_default",
        "unique with one default for all rows",
        [
            AddField("customer", "code", models.CharField(max_length=20, default="", unique=True)),
        ],
    ),
    Case(
        "add_unique_with_called_default",
        "unique with a callable, called once",
        [
            AddField("book", "public_id", models.UUIDField(default=uuid.uuid4, unique=True)),
        ],
    ),
    Case(
        "add_unique_for_date",
        "unique_for_date is none of the database's business",
        [
            AddField(
                "book", "issue", models.IntegerField(null=True, unique_for_date="released_on")
            ),
        ],
    ),
    Case(
        "add_char_default",
        "NOT NULL varchar with a Python default",
        [
            AddField("order", "channel", models.CharField(max_length=10, default="web")),
        ],
    ),
    Case(
        "add_blank_char",
        "NOT NULL varchar, blank=True, default=''",
        [
            AddField("customer", "vat_id", models.CharField(max_length=20, blank=True, default="")),
        ],
    ),
    Case(
        "add_blank_char_no_default",
        "blank=True without default: Django writes ''",
        [
            AddField("customer", "vat_id", models.CharField(max_length=20, blank=True)),
        ],
    ),
    Case(
        "add_blank_text_no_default",
        "blank text without default",
        [
            AddField("book", "errata", models.TextField(blank=True)),
        ],
    ),
    Case(
        "add_file_no_default",
        "FileField without default: Django writes ''",
        [
            AddField("book", "sample", models.FileField(upload_to="samples", blank=True)),
        ],
    ),
    Case(
        "add_boolean_default",
        "NOT NULL boolean with default=False",
        [
            AddField("customer", "is_staff", models.BooleanField(default=False)),
        ],
    ),
    Case(
        "add_decimal_default",
        "NOT NULL numeric with a default",
        [
            AddField(
                "book",
                "vat",
                models.DecimalField(max_digits=4, decimal_places=2, default=Decimal(7)),
            ),
        ],
    ),
    Case(
        "add_json_default",
        "NOT NULL jsonb with default=dict",
        [
            AddField("customer", "settings", models.JSONField(default=dict)),
        ],
    ),
    Case(
        "add_array_default",
        "NOT NULL array with default=list",
        [
            AddField(
                "customer", "interests", ArrayField(models.CharField(max_length=20), default=list)
            ),
        ],
    ),
    Case(
        "add_uuid_default",
        "NOT NULL uuid with default=uuid4, not unique",
        [
            AddField("order", "trace", models.UUIDField(default=uuid.uuid4)),
        ],
    ),
    Case(
        "add_date_default",
        "NOT NULL date with a fixed default",
        [
            AddField("book", "listed_on", models.DateField(default=datetime.date(2020, 1, 1))),
        ],
    ),
    Case(
        "add_auto_now",
        "auto_now without default",
        [
            AddField("order", "updated_at", models.DateTimeField(auto_now=True)),
        ],
    ),
    Case(
        "add_auto_now_add",
        "auto_now_add with a one-off default",
        [
            AddField(
                "order",
                "created_at",
                models.DateTimeField(
                    auto_now_add=True, default=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
                ),
                preserve_default=False,
            ),
        ],
    ),
    Case(
        "add_integer_no_default",
        "NOT NULL without any default",
        [
            AddField("order", "weight", models.IntegerField()),
        ],
    ),
    Case(
        "add_date_no_default",
        "NOT NULL date without any default",
        [
            AddField("order", "due_on", models.DateField()),
        ],
    ),
    Case(
        "add_default_and_index",
        "NOT NULL with default and index",
        [
            AddField(
                "order", "region", models.CharField(max_length=8, default="eu", db_index=True)
            ),
        ],
    ),
    Case(
        "add_db_column",
        "a nullable column of another name",
        [
            AddField("book", "edition_note", models.TextField(null=True, db_column="ednote")),
        ],
    ),
    Case(
        "add_db_comment",
        "a nullable column with a comment",
        [
            AddField("book", "colophon", models.TextField(null=True, db_comment="last page")),
        ],
    ),
    Case(
        "add_db_collation",
        "a nullable column with a collation",
        [
            AddField(
                "book", "sort_key", models.CharField(max_length=80, null=True, db_collation="C")
            ),
        ],
    ),
    Case(
        "add_column_that_exists",
        "a column of that name is there already",
        [
            AddField("book", "title_again", models.TextField(null=True, db_column="title")),
        ],
    ),
    Case(
        "add_two_to_two_tables",
        "a nullable column on each of two tables",
        [
            AddField("book", "archived", models.BooleanField(null=True)),
            AddField("order", "archived", models.BooleanField(null=True)),
        ],
    ),
    Case(
        "add_field_then_index_on_it",
        "AddField, then AddIndex on it in one transaction",
        [
            AddField("order", "warehouse", models.IntegerField(null=True)),
            AddIndex("order", models.Index(fields=["warehouse"], name="order_warehouse_ix")),
        ],
    ),
    Case(
        "add_field_then_index_elsewhere",
        "AddField, then AddIndex on another table",
        [
            AddField("order", "warehouse", models.IntegerField(null=True)),
            AddIndex("book", models.Index(fields=["pages"], name="book_pages_ix")),
        ],
    ),
    Case(
        "add_index_then_field_elsewhere",
        "AddIndex, then AddField on another table",
        [
            AddIndex("book", models.Index(fields=["pages"], name="book_pages_ix")),
            AddField("order", "warehouse", models.IntegerField(null=True)),
        ],
    ),
    Case(
        "add_index_then_field_same",
        "AddIndex, then AddField on the same table",
        [
            AddIndex("order", models.Index(fields=["room"], name="order_room_ix")),
            AddField("order", "warehouse", models.IntegerField(null=True)),
        ],
    ),
    Case(
        "add_safe_and_breaking",
        "one column with a database default, one without",
        [
            AddField("order", "source", models.CharField(max_length=8, db_default="web")),
            AddField("order", "channel", models.CharField(max_length=8, default="web")),
        ],
    ),
    Case(
        "add_range_default",
        "NOT NULL range with a default",
        [
            AddField(
                "book",
                "loan",
                DateTimeRangeField(
                    default=(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), None)
                ),
            ),
        ],
    ),
    Case(
        "add_editable_false",
        "editable=False changes nothing",
        [
            AddField(
                "book", "checksum", models.CharField(max_length=32, null=True, editable=False)
            ),
        ],
    ),
    Case(
        "add_index_not_atomic",
        "a nullable indexed column, atomic=False",
        [
            AddField("order", "warehouse", models.IntegerField(null=True, db_index=True)),
        ],
        atomic=False,
    ),
]
