"""AlterField: everything but the type. Types are in `types_changed`."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.migrations import AddField, AlterField, RunSQL
from django.db.models.functions import Now, Random

from tests.corpus.case import Case


def _editor(**options: Any) -> models.Field[Any, Any]:
    return models.ForeignKey(
        "store.Customer", models.SET_NULL, null=True, related_name="+", **options
    )


CASES = [
    # What the database never hears of.
    Case(
        "alter_choices",
        "choices only",
        [
            AlterField(
                "order", "status", models.CharField(max_length=12, choices=[("paid", "Paid")])
            ),
        ],
    ),
    Case(
        "alter_help_text",
        "help text and verbose name",
        [
            AlterField(
                "book", "title", models.CharField("the title", max_length=120, help_text="x")
            ),
        ],
    ),
    Case(
        "alter_validators",
        "validators only",
        [
            AlterField(
                "order",
                "number",
                models.CharField(max_length=20, validators=[RegexValidator(r"^N")]),
            ),
        ],
    ),
    Case(
        "alter_validators_number",
        "a minimum by a validator, not by the database",
        [
            AlterField("book", "pages", models.IntegerField(validators=[MinValueValidator(1)])),
        ],
    ),
    Case(
        "alter_blank",
        "blank=True on a NOT NULL text",
        [
            AlterField("book", "blurb", models.TextField(blank=True)),
        ],
    ),
    Case(
        "alter_python_default",
        "a Python default",
        [
            AlterField("order", "currency", models.CharField(max_length=3, default="EUR")),
        ],
    ),
    Case(
        "alter_python_default_removed",
        "a Python default removed",
        [
            AlterField("customer", "points", models.IntegerField()),
        ],
    ),
    Case(
        "alter_callable_default",
        "a callable default",
        [
            AlterField("book", "token", models.UUIDField(default=uuid.uuid4)),
        ],
    ),
    Case(
        "alter_editable",
        "editable and error messages",
        [
            AlterField(
                "book",
                "edition",
                models.SmallIntegerField(editable=False, error_messages={"invalid": "no"}),
            ),
        ],
    ),
    Case(
        "alter_auto_now",
        "auto_now_add",
        [
            AlterField("order", "placed_at", models.DateTimeField(auto_now_add=True)),
        ],
    ),
    Case(
        "alter_url_to_char_same_length",
        "EmailField to CharField(254)",
        [
            AlterField("customer", "email", models.CharField(max_length=254, unique=True)),
        ],
    ),
    # NULL and NOT NULL.
    Case(
        "alter_drop_not_null",
        "NOT NULL to null",
        [
            AlterField("order", "currency", models.CharField(max_length=3, null=True)),
        ],
    ),
    Case(
        "alter_set_not_null",
        "null to NOT NULL without default",
        [
            AlterField("order", "comment", models.TextField()),
        ],
    ),
    Case(
        "alter_set_not_null_integer",
        "a nullable integer to NOT NULL",
        [
            AlterField("book", "reserved", models.IntegerField()),
        ],
    ),
    Case(
        "alter_set_not_null_default",
        "null to NOT NULL with a default: UPDATE and SET NOT NULL",
        [
            AlterField("customer", "phone", models.CharField(max_length=20, default="")),
        ],
    ),
    Case(
        "alter_set_not_null_boolean_default",
        "null to NOT NULL boolean with a default",
        [
            AlterField("book", "featured", models.BooleanField(default=False)),
        ],
    ),
    Case(
        "alter_set_not_null_db_default",
        "null to NOT NULL with a database default",
        [
            AlterField("book", "reserved", models.IntegerField(db_default=0)),
        ],
    ),
    Case(
        "alter_set_not_null_after_check",
        "null to NOT NULL, proven by a validated CHECK",
        [
            AlterField("order", "comment", models.TextField()),
        ],
        setup=[
            RunSQL("UPDATE store_order SET comment = '' WHERE comment IS NULL", RunSQL.noop),
            AddConstraintNotValid(
                "order",
                models.CheckConstraint(
                    condition=models.Q(comment__isnull=False), name="order_comment_given"
                ),
            ),
            ValidateConstraint("order", "order_comment_given"),
        ],
    ),
    Case(
        "alter_set_not_null_after_unproven_check",
        "null to NOT NULL, CHECK is NOT VALID",
        [
            AlterField("order", "comment", models.TextField()),
        ],
        setup=[
            AddConstraintNotValid(
                "order",
                models.CheckConstraint(
                    condition=models.Q(comment__isnull=False), name="order_comment_given"
                ),
            ),
        ],
    ),
    Case(
        "alter_set_not_null_default_after_check",
        "as proven, but with a default",
        [
            AlterField("order", "comment", models.TextField(default="")),
        ],
        setup=[
            RunSQL("UPDATE store_order SET comment = '' WHERE comment IS NULL", RunSQL.noop),
            AddConstraintNotValid(
                "order",
                models.CheckConstraint(
                    condition=models.Q(comment__isnull=False), name="order_comment_given"
                ),
            ),
            ValidateConstraint("order", "order_comment_given"),
        ],
    ),
    Case(
        "alter_set_not_null_not_atomic",
        "null to NOT NULL, atomic=False",
        [
            AlterField("order", "comment", models.TextField()),
        ],
        atomic=False,
    ),
    Case(
        "alter_set_not_null_and_widen",
        "NOT NULL and wider at once",
        [
            AlterField("customer", "phone", models.CharField(max_length=40)),
        ],
    ),
    # Defaults of the database.
    Case(
        "alter_db_default_added",
        "a constant database default",
        [
            AlterField("order", "currency", models.CharField(max_length=3, db_default="EUR")),
        ],
    ),
    Case(
        "alter_db_default_now",
        "db_default=Now()",
        [
            AlterField("order", "placed_at", models.DateTimeField(db_default=Now())),
        ],
    ),
    Case(
        "alter_db_default_random",
        "a volatile database default rewrites nothing here",
        [
            AlterField("book", "weight", models.FloatField(db_default=Random())),
        ],
    ),
    Case(
        "alter_db_default_changed",
        "another database default",
        [
            AlterField("book", "level", models.IntegerField(db_default=5)),
        ],
    ),
    Case(
        "alter_db_default_removed",
        "the database default of a NOT NULL column removed",
        [
            AlterField("book", "level", models.IntegerField()),
        ],
    ),
    Case(
        "alter_db_default_to_default",
        "a database default replaced by a Python one",
        [
            AlterField("book", "level", models.IntegerField(default=1)),
        ],
    ),
    Case(
        "alter_db_default_removed_nullable",
        "the database default removed, made nullable",
        [
            AlterField("book", "level", models.IntegerField(null=True)),
        ],
    ),
    # Names, comments, collations.
    Case(
        "alter_db_column",
        "another name of the column",
        [
            AlterField("book", "pages", models.IntegerField(db_column="page_count")),
        ],
    ),
    Case(
        "alter_db_column_same",
        "db_column as it is called already",
        [
            AlterField("book", "pages", models.IntegerField(db_column="pages")),
        ],
    ),
    Case(
        "alter_db_column_and_type",
        "another name and a wider type",
        [
            AlterField("book", "pages", models.BigIntegerField(db_column="page_count")),
        ],
    ),
    Case(
        "alter_db_comment",
        "a comment",
        [
            AlterField(
                "order",
                "total",
                models.DecimalField(max_digits=12, decimal_places=2, db_comment="with VAT"),
            ),
        ],
    ),
    Case(
        "alter_db_comment_under_view",
        "a comment on a column that a view uses",
        [
            AlterField(
                "order",
                "total",
                models.DecimalField(max_digits=12, decimal_places=2, db_comment="with VAT"),
            ),
        ],
        setup=[
            RunSQL("CREATE VIEW totals AS SELECT id, total FROM store_order", "DROP VIEW totals")
        ],
    ),
    Case(
        "alter_db_collation",
        "another collation, no index",
        [
            AlterField("order", "status", models.CharField(max_length=12, db_collation="C")),
        ],
    ),
    Case(
        "alter_db_collation_indexed",
        "another collation rebuilds the index",
        [
            AlterField(
                "book", "shelf", models.CharField(max_length=20, db_index=True, db_collation="C")
            ),
        ],
    ),
    # Positive integers have a CHECK.
    Case(
        "alter_integer_to_positive",
        "an integer becomes positive: a CHECK",
        [
            AlterField("book", "pages", models.PositiveIntegerField()),
        ],
    ),
    Case(
        "alter_positive_to_integer",
        "a positive integer loses its CHECK",
        [
            AlterField("book", "position", models.IntegerField()),
        ],
    ),
    Case(
        "alter_positive_to_positive_big",
        "a positive integer gets wider",
        [
            AlterField("book", "position", models.PositiveBigIntegerField()),
        ],
    ),
    Case(
        "alter_primary_key_to_big",
        "AutoField to BigAutoField, with everything that refers to it",
        [
            AlterField("customer", "id", models.BigAutoField(primary_key=True)),
        ],
    ),
    Case(
        "alter_primary_key_to_integer",
        "BigAutoField to BigIntegerField drops the identity",
        [
            AlterField("orderline", "id", models.BigIntegerField(primary_key=True)),
        ],
    ),
    Case(
        "alter_generated_expression",
        "another expression of a generated column: refused",
        [
            AlterField(
                "book",
                "twice",
                models.GeneratedField(
                    expression=models.F("pages") * 3,
                    output_field=models.BigIntegerField(),
                    db_persist=True,
                ),
            ),
        ],
        setup=[
            AddField(
                "book",
                "twice",
                models.GeneratedField(
                    expression=models.F("pages") * 2,
                    output_field=models.BigIntegerField(),
                    db_persist=True,
                ),
            )
        ],
    ),
]
