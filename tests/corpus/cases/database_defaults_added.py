"""AddField of what the database fills: defaults and generated columns."""

from __future__ import annotations

from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.migrations import AddField
from django.db.models.functions import Concat, Length, Lower, Now, Random, Upper

from tests.corpus.case import Case

CASES = [
    Case(
        "add_positive_big_db_default",
        "PositiveBigIntegerField with a database default",
        [
            AddField("order", "cents", models.PositiveBigIntegerField(db_default=0)),
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
        "add_generated_concat",
        "a stored generated column of two others",
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
]
