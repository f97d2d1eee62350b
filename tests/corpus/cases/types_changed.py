"""AlterField to another type: which pairs rewrite, fail, cut off or surprise old code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.migrations import AddConstraint, AddField, AddIndex, AlterField, RunSQL
from django.db.migrations.operations.base import Operation

from tests.corpus.case import Case


def _case(
    name: str, what: str, model: str, field: str, to: Any, setup: Sequence[Operation] = ()
) -> Case:
    return Case(f"type_{name}", what, [AlterField(model, field, to)], setup=setup)


CASES = [
    _case("varchar_wider", "a wider varchar", "book", "title", models.CharField(max_length=200)),
    _case(
        "varchar_wider_indexed",
        "a wider varchar with an index",
        "book",
        "shelf",
        models.CharField(max_length=40, db_index=True),
    ),
    _case(
        "varchar_wider_unique",
        "a wider unique varchar",
        "book",
        "isbn",
        models.CharField(max_length=32, unique=True),
    ),
    _case(
        "varchar_wider_checked",
        "a wider varchar under a CHECK is scanned",
        "order",
        "status",
        models.CharField(max_length=30),
        setup=[
            AddConstraint(
                "order",
                models.CheckConstraint(condition=~models.Q(status=""), name="order_status_given"),
            )
        ],
    ),
    _case(
        "varchar_wider_partial_index",
        "... under a partial index, which is rebuilt",
        "order",
        "status",
        models.CharField(max_length=30),
        setup=[
            AddIndex(
                "order",
                models.Index(
                    fields=["room"], condition=models.Q(status="paid"), name="order_paid_ix"
                ),
            )
        ],
    ),
    _case(
        "varchar_wider_plain_index",
        "... under a plain index from Meta",
        "order",
        "status",
        models.CharField(max_length=30),
        setup=[AddIndex("order", models.Index(fields=["status"], name="order_status_ix"))],
    ),
    _case(
        "varchar_wider_view",
        "... under a view: refused",
        "order",
        "status",
        models.CharField(max_length=30),
        setup=[RunSQL("CREATE VIEW states AS SELECT status FROM store_order", "DROP VIEW states")],
    ),
    _case(
        "varchar_narrower", "a narrower varchar", "book", "title", models.CharField(max_length=15)
    ),
    _case(
        "varchar_narrower_all_fit",
        "a narrower varchar that all rows fit",
        "customer",
        "country",
        models.CharField(max_length=1, db_index=True),
    ),
    _case("varchar_unlimited", "varchar without a limit", "book", "title", models.CharField()),
    _case("varchar_to_text", "varchar to text", "book", "title", models.TextField()),
    _case(
        "varchar_to_text_indexed",
        "varchar to text with an index: the LIKE index is rebuilt",
        "book",
        "shelf",
        models.TextField(db_index=True),
    ),
    _case(
        "varchar_to_text_unique",
        "varchar to text, unique",
        "book",
        "isbn",
        models.TextField(unique=True),
    ),
    _case(
        "text_to_varchar",
        "text to varchar cuts off",
        "book",
        "blurb",
        models.CharField(max_length=200),
    ),
    _case(
        "text_to_short_varchar",
        "text to a varchar shorter than all rows",
        "order",
        "comment",
        models.CharField(max_length=5, null=True),
    ),
    _case(
        "varchar_to_slug",
        "CharField to SlugField of the same length: an index",
        "customer",
        "city",
        models.SlugField(max_length=50),
    ),
    _case("varchar_to_url", "CharField(120) to URLField(200)", "book", "title", models.URLField()),
    _case(
        "varchar_to_email", "CharField to EmailField(254)", "customer", "city", models.EmailField()
    ),
    _case("varchar_to_uuid", "varchar to uuid", "customer", "external_ref", models.UUIDField()),
    _case("varchar_to_integer", "varchar to integer", "book", "year_text", models.IntegerField()),
    _case(
        "varchar_to_date",
        "varchar to date: refused for these rows",
        "order",
        "number",
        models.DateField(),
    ),
    _case("varchar_to_json", "varchar to jsonb", "order", "number", models.JSONField()),
    _case("text_to_json", "text to jsonb: no row is JSON", "book", "blurb", models.JSONField()),
    _case("json_to_text", "jsonb to text", "book", "attributes", models.TextField(default=dict)),
    _case("smallint_to_int", "smallint to integer", "book", "edition", models.IntegerField()),
    _case("smallint_to_bigint", "smallint to bigint", "book", "edition", models.BigIntegerField()),
    _case("int_to_bigint", "integer to bigint", "book", "pages", models.BigIntegerField()),
    _case(
        "int_to_bigint_null",
        "a nullable integer to bigint",
        "book",
        "reserved",
        models.BigIntegerField(null=True),
    ),
    _case(
        "int_to_smallint",
        "integer to smallint",
        "book",
        "reserved",
        models.SmallIntegerField(null=True),
    ),
    _case("bigint_to_int", "bigint to integer", "book", "clicks", models.IntegerField()),
    _case("int_to_float", "integer to double", "book", "pages", models.FloatField()),
    _case(
        "int_to_decimal",
        "integer to numeric",
        "book",
        "pages",
        models.DecimalField(max_digits=12, decimal_places=2),
    ),
    _case(
        "int_to_small_decimal",
        "integer to a numeric that does not hold all",
        "book",
        "pages",
        models.DecimalField(max_digits=6, decimal_places=2),
    ),
    _case("int_to_varchar", "integer to varchar", "book", "pages", models.CharField(max_length=20)),
    _case("int_to_text", "integer to text", "order", "room", models.TextField()),
    _case("int_to_boolean", "integer to boolean", "book", "pages", models.BooleanField()),
    _case("int_to_uuid", "integer to uuid: there is no cast", "book", "pages", models.UUIDField()),
    _case("int_to_date", "integer to date: there is no cast", "book", "pages", models.DateField()),
    _case(
        "int_to_array",
        "integer to an array: there is no cast",
        "book",
        "pages",
        ArrayField(models.IntegerField()),
    ),
    _case("int_to_json", "integer to jsonb: there is no cast", "book", "pages", models.JSONField()),
    _case(
        "positive_to_smallint",
        "positive integer to positive smallint",
        "order",
        "parcels",
        models.PositiveSmallIntegerField(),
    ),
    _case("float_to_int", "double to integer rounds", "book", "weight", models.IntegerField()),
    _case(
        "float_to_decimal",
        "double to numeric",
        "book",
        "weight",
        models.DecimalField(max_digits=10, decimal_places=2),
    ),
    _case(
        "decimal_wider",
        "more digits",
        "book",
        "price",
        models.DecimalField(max_digits=12, decimal_places=2),
    ),
    _case(
        "decimal_more_places",
        "more places",
        "book",
        "price",
        models.DecimalField(max_digits=12, decimal_places=4),
    ),
    _case(
        "decimal_fewer_places",
        "fewer places round",
        "book",
        "price",
        models.DecimalField(max_digits=8, decimal_places=1),
    ),
    _case(
        "decimal_narrower",
        "fewer digits",
        "order",
        "total",
        models.DecimalField(max_digits=8, decimal_places=2),
    ),
    _case(
        "decimal_to_int",
        "numeric to integer rounds",
        "book",
        "cost",
        models.IntegerField(null=True),
    ),
    _case(
        "decimal_to_bigint",
        "numeric of whole numbers to bigint",
        "order",
        "total",
        models.BigIntegerField(),
    ),
    _case("decimal_to_float", "numeric to double", "book", "price", models.FloatField()),
    _case("decimal_to_text", "numeric to text", "book", "price", models.TextField()),
    _case("boolean_to_int", "boolean to integer", "book", "in_print", models.IntegerField()),
    _case(
        "boolean_to_varchar",
        "boolean to varchar",
        "book",
        "in_print",
        models.CharField(max_length=10),
    ),
    _case(
        "datetime_to_date",
        "timestamptz to date drops the time",
        "order",
        "placed_at",
        models.DateField(),
    ),
    _case("date_to_datetime", "date to timestamptz", "book", "released_on", models.DateTimeField()),
    _case("datetime_to_time", "timestamptz to time", "order", "placed_at", models.TimeField()),
    _case("datetime_to_text", "timestamptz to text", "order", "placed_at", models.TextField()),
    _case(
        "date_to_varchar", "date to varchar", "book", "released_on", models.CharField(max_length=10)
    ),
    _case(
        "time_to_datetime",
        "time to timestamptz: there is no cast",
        "book",
        "opens_at",
        models.DateTimeField(),
    ),
    _case("time_to_duration", "time to interval", "book", "opens_at", models.DurationField()),
    _case(
        "duration_to_bigint",
        "interval to bigint: there is no cast",
        "book",
        "reading_time",
        models.BigIntegerField(null=True),
    ),
    _case("uuid_to_varchar", "uuid to varchar", "book", "token", models.CharField(max_length=36)),
    _case("uuid_to_text", "uuid to text", "book", "token", models.TextField()),
    _case(
        "array_wider_base",
        "an array of a wider varchar",
        "book",
        "labels",
        ArrayField(models.CharField(max_length=60), default=list),
    ),
    _case("array_to_text", "an array to text", "book", "labels", models.TextField(default=list)),
    _case(
        "array_of_smallint_to_int",
        "an array of smallint to integer",
        "order",
        "gates",
        ArrayField(models.IntegerField(), null=True),
        setup=[AddField("order", "gates", ArrayField(models.SmallIntegerField(), null=True))],
    ),
    _case(
        "same_size_file",
        "CharField(100) to FileField: the same column",
        "address",
        "street",
        models.FileField(upload_to="x"),
    ),
    _case(
        "varchar_to_file",
        "CharField(120) to FileField(100)",
        "book",
        "title",
        models.FileField(upload_to="x"),
    ),
    _case("char_to_ip", "varchar to inet", "order", "number", models.GenericIPAddressField()),
    _case(
        "int_to_bigint_generated",
        "integer to bigint under a generated column: refused",
        "book",
        "pages",
        models.BigIntegerField(),
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
    _case(
        "int_to_bigint_unique",
        "integer to bigint, and unique",
        "book",
        "pages",
        models.BigIntegerField(unique=True),
    ),
    _case(
        "int_to_bigint_indexed",
        "integer to bigint, and an index",
        "book",
        "pages",
        models.BigIntegerField(db_index=True),
    ),
    Case(
        "type_two_columns",
        "two columns of one table rewritten in turn",
        [
            AlterField("book", "pages", models.BigIntegerField()),
            AlterField("book", "edition", models.IntegerField()),
        ],
    ),
    Case(
        "type_int_to_bigint_not_atomic",
        "integer to bigint, atomic=False",
        [
            AlterField("book", "pages", models.BigIntegerField()),
        ],
        atomic=False,
    ),
]
