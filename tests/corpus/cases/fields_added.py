"""AddField on tables that exist and have rows."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal

from django.contrib.postgres.fields import (
    ArrayField,
    DateTimeRangeField,
    IntegerRangeField,
)
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.migrations import AddField, AddIndex
from django.db.models.functions import Concat, Length, Lower, Now, Random, Upper

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
        "add_positive_big_db_default",
        "PositiveBigIntegerField with a database default",
        [
            AddField("order", "cents", models.PositiveBigIntegerField(db_default=0)),
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
        "add_slug_without_index",
        "a SlugField with db_index=False",
        [
            AddField("customer", "handle", models.SlugField(null=True, db_index=False)),
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
        "add_db_default_constant",
        "a constant database default",
        [
            AddField("order", "source", models.CharField(max_length=8, db_default="web")),
        ],
    ),
    Case(
        "add_db_default_boolean",
        "a boolean with db_default",
        [
            AddField("customer", "newsletter", models.BooleanField(db_default=False)),
        ],
    ),
    Case(
        "add_db_default_now",
        "db_default=Now(): one value for all rows",
        [
            AddField("order", "seen_at", models.DateTimeField(db_default=Now())),
        ],
    ),
    Case(
        "add_db_default_json",
        "db_default of a jsonb",
        [
            AddField(
                "order", "extra", models.JSONField(db_default=models.Value({}, models.JSONField()))
            ),
        ],
    ),
    Case(
        "add_db_default_expression",
        "db_default of an immutable expression",
        [
            AddField(
                "order", "base", models.IntegerField(db_default=models.Value(2) + models.Value(3))
            ),
        ],
    ),
    Case(
        "add_db_default_random",
        "db_default=Random(): a rewrite",
        [
            AddField("customer", "bucket", models.FloatField(db_default=Random())),
        ],
    ),
    Case(
        "add_db_default_uuid",
        "db_default=RandomUUID(): a rewrite",
        [
            AddField("order", "public_id", models.UUIDField(db_default=RandomUUID())),
        ],
    ),
    Case(
        "add_db_default_nullable_uuid",
        "nullable with a volatile database default",
        [
            AddField("order", "public_id", models.UUIDField(db_default=RandomUUID(), null=True)),
        ],
    ),
    Case(
        "add_db_default_indexed",
        "a constant database default with an index",
        [
            AddField("order", "state", models.IntegerField(db_default=0, db_index=True)),
        ],
    ),
    Case(
        "add_generated_stored_lower",
        "a stored generated column",
        [
            AddField(
                "customer",
                "email_key",
                models.GeneratedField(
                    expression=Lower("email"),
                    output_field=models.CharField(max_length=254),
                    db_persist=True,
                ),
            ),
        ],
    ),
    Case(
        "add_generated_stored_length",
        "a stored generated integer",
        [
            AddField(
                "book",
                "title_length",
                models.GeneratedField(
                    expression=Length("title"), output_field=models.IntegerField(), db_persist=True
                ),
            ),
        ],
    ),
    Case(
        "add_generated_stored_unique",
        "a stored generated unique column",
        [
            AddField(
                "book",
                "isbn_key",
                models.GeneratedField(
                    expression=Upper("isbn"),
                    output_field=models.CharField(max_length=17),
                    db_persist=True,
                    unique=True,
                ),
            ),
        ],
    ),
    Case(
        "add_generated_stored_overflow",
        "a generated column that some rows overflow",
        [
            AddField(
                "book",
                "doubled",
                models.GeneratedField(
                    expression=models.F("pages") * 100000,
                    output_field=models.IntegerField(),
                    db_persist=True,
                ),
            ),
        ],
    ),
    Case(
        "add_generated_not_immutable",
        "CONCAT is not immutable: always refused",
        [
            AddField(
                "customer",
                "label",
                models.GeneratedField(
                    expression=Concat("full_name", models.Value(" "), "city"),
                    output_field=models.TextField(),
                    db_persist=True,
                ),
            ),
        ],
    ),
    Case(
        "add_foreign_key_nullable",
        "a nullable foreign key: the index is built meanwhile",
        [
            AddField(
                "order",
                "sales_rep",
                models.ForeignKey("store.Customer", models.SET_NULL, null=True, related_name="+"),
            ),
        ],
    ),
    Case(
        "add_foreign_key_nullable_no_index",
        "a nullable foreign key without an index",
        [
            AddField(
                "order",
                "sales_rep",
                models.ForeignKey(
                    "store.Customer", models.SET_NULL, null=True, db_index=False, related_name="+"
                ),
            ),
        ],
    ),
    Case(
        "add_foreign_key_no_constraint",
        "a nullable foreign key without a constraint",
        [
            AddField(
                "order",
                "sales_rep",
                models.ForeignKey(
                    "store.Customer",
                    models.DO_NOTHING,
                    null=True,
                    db_constraint=False,
                    related_name="+",
                ),
            ),
        ],
    ),
    Case(
        "add_foreign_key_bare",
        "neither index nor constraint",
        [
            AddField(
                "order",
                "sales_rep",
                models.ForeignKey(
                    "store.Customer",
                    models.DO_NOTHING,
                    null=True,
                    db_constraint=False,
                    db_index=False,
                    related_name="+",
                ),
            ),
        ],
    ),
    Case(
        "add_foreign_key_self",
        "a nullable foreign key to itself",
        [
            AddField(
                "book",
                "translation_of",
                models.ForeignKey(
                    "store.Book", models.SET_NULL, null=True, related_name="translations"
                ),
            ),
        ],
    ),
    Case(
        "add_foreign_key_to_small_default",
        "NOT NULL foreign key with a default",
        [
            AddField(
                "book", "format", models.ForeignKey("store.Format", models.PROTECT, default=1)
            ),
        ],
    ),
    Case(
        "add_foreign_key_db_default",
        "NOT NULL foreign key with a database default",
        [
            AddField(
                "book", "format", models.ForeignKey("store.Format", models.PROTECT, db_default=1)
            ),
        ],
    ),
    Case(
        "add_foreign_key_to_unique",
        "a foreign key to a unique text",
        [
            AddField(
                "order",
                "book_isbn",
                models.ForeignKey(
                    "store.Book", models.SET_NULL, to_field="isbn", null=True, related_name="+"
                ),
            ),
        ],
    ),
    Case(
        "add_one_to_one_nullable",
        "a nullable one-to-one",
        [
            AddField(
                "order",
                "billing_address",
                models.OneToOneField("store.Address", models.SET_NULL, null=True, related_name="+"),
            ),
        ],
    ),
    Case(
        "add_foreign_key_not_null",
        "NOT NULL foreign key without default",
        [
            AddField("orderline", "format", models.ForeignKey("store.Format", models.PROTECT)),
        ],
    ),
    Case(
        "add_many_to_many",
        "a ManyToManyField is a table of its own",
        [
            AddField("book", "formats", models.ManyToManyField("store.Format")),
        ],
    ),
    Case(
        "add_many_to_many_self",
        "a ManyToManyField to itself",
        [
            AddField("book", "related", models.ManyToManyField("store.Book")),
        ],
    ),
    Case(
        "add_many_to_many_no_constraint",
        "a ManyToManyField without constraints",
        [
            AddField("order", "tags", models.ManyToManyField("store.Tag", db_constraint=False)),
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
    Case(
        "add_foreign_key_not_atomic",
        "a nullable foreign key, atomic=False",
        [
            AddField(
                "order",
                "sales_rep",
                models.ForeignKey("store.Customer", models.SET_NULL, null=True, related_name="+"),
            ),
        ],
        atomic=False,
    ),
]
