"""Every kind of change, as the stock operation and ours make it: the matrix of many tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres import indexes as pg
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.contrib.postgres.search import SearchVectorField
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.models import F, Q
from django.db.models.functions import Lower, Now, Random, Upper

from zero_downtime import operations as zd

APP = "shop"


def author(name: str = "shop.author", **kwargs: Any) -> Any:
    return models.ForeignKey(name, models.CASCADE, related_name="+", **kwargs)


def start() -> list[Operation]:
    """The shop before each change: an author, a shelf, and the book that is changed."""
    return [
        migrations.CreateModel(
            "Author",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("handle", models.CharField(max_length=30, unique=True)),
            ],
        ),
        migrations.CreateModel("Shelf", fields=[("id", models.AutoField(primary_key=True))]),
        migrations.CreateModel(
            "Book",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("title", models.CharField(max_length=100)),
                ("code", models.CharField(max_length=20, null=True)),
                ("indexed", models.CharField(max_length=20, db_index=True, default="")),
                ("barcode", models.CharField(max_length=50, unique=True)),
                ("number", models.IntegerField(null=True, unique=True)),
                ("body", models.TextField()),
                ("pages", models.IntegerField()),
                ("stock", models.IntegerField(null=True)),
                ("rank", models.PositiveSmallIntegerField(default=0)),
                ("price", models.DecimalField(max_digits=8, decimal_places=2)),
                ("level", models.IntegerField(db_default=1)),
                ("remark", models.CharField(max_length=20, db_comment="said by us")),
                ("tags", ArrayField(models.CharField(max_length=30), default=list)),
                ("meta", models.JSONField(default=dict)),
                ("period", DateTimeRangeField(null=True)),
                ("words", SearchVectorField(null=True)),
                ("seen", models.DateTimeField(null=True)),
                ("writer", author()),
                ("editor", author(null=True)),
                ("soft", author(null=True, db_constraint=False)),
                ("bare", author(null=True, db_index=False)),
                ("single", models.OneToOneField("shop.author", models.CASCADE, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["pages"], name="book_pages"),
                    models.Index(fields=["code"], name="book_code", condition=Q(pages__gt=1)),
                    models.Index(Lower("title"), name="book_lower"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=Q(pages__gte=0), name="book_pages_check"),
                    models.UniqueConstraint(fields=["title", "code"], name="book_title_code"),
                ],
            },
        ),
        migrations.CreateModel(
            "Comic", fields=[("color", models.BooleanField(default=True))], bases=("shop.book",)
        ),
    ]


@dataclass(frozen=True)
class Case:
    """One change. `make(stock)` returns Django's operation, or ours."""

    id: str
    make: Callable[[bool], Operation]
    # Columns to which ours gives a default that Django's takes away again.
    keeps_default: tuple[str, ...] = ()
    minimum_version: int = 14
    # What PostgreSQL does for nothing one way and by rewriting the table the other way.
    one_way: bool = False


def _add(name: str, new: Any, model: str = "book", **kwargs: Any) -> Case:
    return Case(
        f"add {name}",
        lambda stock: (migrations.AddField if stock else zd.AddFieldConcurrently)(
            model, name, new.clone()
        ),
        **kwargs,
    )


def _alter(id: str, name: str, new: Any, **kwargs: Any) -> Case:
    return Case(
        f"alter {id}",
        lambda stock: (migrations.AlterField if stock else zd.AlterFieldConcurrently)(
            "book", name, new.clone()
        ),
        **kwargs,
    )


def _index(id: str, index: models.Index, **kwargs: Any) -> Case:
    return Case(
        f"index {id}",
        lambda stock: (migrations.AddIndex if stock else zd.AddIndexConcurrently)("book", index),
        **kwargs,
    )


def _constraint(id: str, constraint: models.BaseConstraint, **kwargs: Any) -> Case:
    return Case(
        f"constraint {id}",
        lambda stock: (migrations.AddConstraint if stock else zd.AddConstraintConcurrently)(
            "book", constraint
        ),
        **kwargs,
    )


def _new(name: str, new: Any, **kwargs: Any) -> Case:
    """A NOT NULL field with a Python default, which stays in the database as well."""
    return _add(name, new, keeps_default=(new.db_column or name,), **kwargs)


def _new_key(name: str, new: Any) -> Case:
    return _add(name, new, keeps_default=(f"{name}_id",))


Char, Text, Int = models.CharField, models.TextField, models.IntegerField

ADD_FIELD = [
    _add("null_int", Int(null=True)),
    _add("null_int_default", Int(null=True, default=5)),
    _add("null_char", Char(max_length=20, null=True)),
    _add("null_text", Text(null=True)),
    _add("null_bool", models.BooleanField(null=True)),
    _add("null_date", models.DateField(null=True)),
    _add("null_datetime", models.DateTimeField(null=True)),
    _add("null_time", models.TimeField(null=True)),
    _add("null_duration", models.DurationField(null=True)),
    _add("null_decimal", models.DecimalField(max_digits=9, decimal_places=3, null=True)),
    _add("null_float", models.FloatField(null=True)),
    _add("null_uuid", models.UUIDField(null=True)),
    _add("null_json", models.JSONField(null=True)),
    _add("null_binary", models.BinaryField(null=True)),
    _add("null_ip", models.GenericIPAddressField(null=True)),
    _add("null_array", ArrayField(Int(), null=True)),
    _add("null_range", DateTimeRangeField(null=True)),
    _add("null_vector", SearchVectorField(null=True)),
    _add("null_positive", models.PositiveIntegerField(null=True)),
    _add("null_positive_big", models.PositiveBigIntegerField(null=True)),
    _add("null_slug", models.SlugField(null=True)),
    _add("null_file", models.FileField(null=True)),
    _add("null_indexed_int", Int(null=True, db_index=True)),
    _add("null_indexed_char", Char(max_length=20, null=True, db_index=True)),
    _add("null_indexed_text", Text(null=True, db_index=True)),
    _add("null_unique_int", Int(null=True, unique=True)),
    _add("null_unique_char", Char(max_length=20, null=True, unique=True)),
    _add("null_unique_text", Text(null=True, unique=True)),
    _add("commented", Int(null=True, db_comment="it's ours")),
    _add("other_column", Int(null=True, db_column="Some Column")),
    _add("collated", Char(max_length=20, null=True, db_collation="C")),
    _add("collated_indexed", Char(max_length=9, null=True, db_collation="C", db_index=True)),
    _new("int_default", Int(default=7)),
    _new("char_default", Char(max_length=20, default="it's 100 %")),
    _new("blank_text", Text(blank=True)),
    _new("text_default", Text(default="x")),
    _new("bool_default", models.BooleanField(default=False)),
    _new("decimal_default", models.DecimalField(max_digits=5, decimal_places=2, default="1.5")),
    _new("json_default", models.JSONField(default=dict)),
    _new("array_default", ArrayField(Char(max_length=5), default=list)),
    _new("positive_default", models.PositiveIntegerField(default=3)),
    _new("slug_default", models.SlugField(default="s")),
    _new("indexed_default", Char(max_length=20, default="", db_index=True)),
    _new("made", models.DateTimeField(auto_now_add=True)),
    _add("db_constant", Int(db_default=9)),
    _add("db_constant_null", Char(max_length=5, null=True, db_default="d")),
    _add("db_constant_indexed", Int(db_default=9, db_index=True)),
    _add("db_stable", models.DateTimeField(db_default=Now())),
    _add("db_expression", Char(max_length=5, db_default=Upper(models.Value("abc")))),
    _add("db_volatile", models.FloatField(db_default=Random())),
    _add("db_volatile_null", models.FloatField(null=True, db_default=Random())),
    _add("fk_null", author(null=True)),
    _add("fk_no_index", author(null=True, db_index=False)),
    _add("fk_no_constraint", author(null=True, db_constraint=False)),
    _add("fk_self", author("shop.book", null=True)),
    _add("fk_child", author("shop.comic", null=True)),
    _add("fk_handle", author(null=True, to_field="handle")),
    _add("fk_column", author(null=True, db_column="Owner Id")),
    _new_key("fk_default", author(default=1)),
    _add("fk_on_child", author(null=True), model="comic"),
    _add("int_on_child", Int(null=True, db_index=True), model="comic"),
    _add("one", models.OneToOneField("shop.shelf", models.CASCADE, null=True)),
    _add("many", models.ManyToManyField("shop.shelf")),
    _add("many_self", models.ManyToManyField("self")),
    _add("many_no_constraint", models.ManyToManyField("shop.shelf", db_constraint=False)),
    _add(
        "virtual",
        models.GeneratedField(
            expression=F("pages") * 2, output_field=models.IntegerField(), db_persist=False
        ),
        minimum_version=18,
    ),
]

ALTER_FIELD = [
    _alter("not null", "stock", Int()),
    _alter("not null with default", "stock", Int(default=3)),
    _alter("not null with db_default", "stock", Int(db_default=3)),
    _alter("null", "pages", Int(null=True)),
    _alter("null text", "body", Text(null=True)),
    _alter("unique int", "pages", Int(unique=True)),
    _alter("unique char", "title", Char(max_length=100, unique=True)),
    _alter("unique text", "body", Text(unique=True)),
    _alter("not unique char", "barcode", Char(max_length=50)),
    _alter("not unique int", "number", Int(null=True)),
    _alter("unique to indexed", "barcode", Char(max_length=50, db_index=True)),
    _alter("indexed to unique", "indexed", Char(max_length=20, unique=True, default="")),
    _alter("indexed int", "stock", Int(null=True, db_index=True)),
    _alter("indexed char", "title", Char(max_length=100, db_index=True)),
    _alter("indexed text", "body", Text(db_index=True)),
    _alter("not indexed", "indexed", Char(max_length=20, default="")),
    _alter("wider char", "remark", Char(max_length=60, db_comment="said by us"), one_way=True),
    _alter("char to text", "remark", Text(db_comment="said by us"), one_way=True),
    _alter("indexed char to text", "indexed", Text(default=""), one_way=True),
    _alter("indexed char to unique text", "indexed", Text(unique=True, default=""), one_way=True),
    _alter("unique char to text", "barcode", Text(), one_way=True),
    _alter("wider unique char", "barcode", Char(max_length=80, unique=True), one_way=True),
    _alter(
        "wider decimal", "price", models.DecimalField(max_digits=12, decimal_places=2), one_way=True
    ),
    _alter("db_default on", "pages", Int(db_default=4)),
    _alter("db_default other", "level", Int(db_default=2)),
    _alter("db_default off", "level", Int()),
    _alter("db_default now", "seen", models.DateTimeField(null=True, db_default=Now())),
    _alter("python default only", "pages", Int(default=4)),
    _alter("comment on", "pages", Int(db_comment="how many; it's")),
    _alter("comment other", "remark", Char(max_length=20, db_comment="said by them")),
    _alter("comment off", "remark", Char(max_length=20)),
    _alter("collation on", "body", Text(db_collation="C")),
    _alter("collation on char", "remark", Char(max_length=20, db_collation="C", db_comment="x")),
    _alter("fk not null", "editor", author()),
    _alter("fk null", "writer", author(null=True)),
    _alter("fk constraint on", "soft", author(null=True)),
    _alter("fk constraint off", "writer", author(db_constraint=False)),
    _alter("fk index on", "bare", author(null=True)),
    _alter("fk index off", "writer", author(db_index=False)),
    _alter(
        "fk to one-to-one",
        "editor",
        models.OneToOneField("shop.author", models.CASCADE, null=True, related_name="+"),
    ),
    _alter("one-to-one to fk", "single", author(null=True)),
    _alter("fk to int", "editor", models.BigIntegerField(null=True, db_column="editor_id")),
    _alter("fk other target", "editor", author("shop.book", null=True)),
    _alter("positive check on", "stock", models.PositiveIntegerField(null=True)),
    _alter("positive check off", "rank", models.SmallIntegerField(default=0)),
    _alter("choices only", "title", Char(max_length=100, choices=[("a", "A")])),
    _alter(
        "wider, null, unique, default and comment",
        "remark",
        Char(max_length=40, unique=True, null=True, db_default="", db_comment="c"),
        one_way=True,
    ),
    _alter("not null and indexed", "stock", Int(db_index=True, default=0)),
    _alter("null, default and comment", "pages", Int(null=True, db_default=2, db_comment="c")),
]

INDEX = [
    _index("plain", models.Index(fields=["stock"], name="new_index")),
    _index("descending", models.Index(fields=["-stock", "pages"], name="new_index")),
    _index("partial", models.Index(fields=["stock"], name="new_index", condition=Q(pages__gt=3))),
    _index(
        "partial in",
        models.Index(fields=["stock"], name="new_index", condition=~Q(indexed__in=["x", "y"])),
    ),
    _index("covering", models.Index(fields=["stock"], name="new_index", include=["pages"])),
    _index("expression", models.Index(Upper("title"), F("pages").desc(), name="new_index")),
    _index(
        "opclass", models.Index(fields=["title"], name="new_index", opclasses=["text_pattern_ops"])
    ),
    _index("foreign key", models.Index(fields=["writer", "stock"], name="new_index")),
    _index("gin array", pg.GinIndex(fields=["tags"], name="new_index")),
    _index(
        "gin jsonb",
        pg.GinIndex(
            fields=["meta"], name="new_index", opclasses=["jsonb_path_ops"], fastupdate=False
        ),
    ),
    _index("gin vector", pg.GinIndex(fields=["words"], name="new_index")),
    _index("gist range", pg.GistIndex(fields=["period"], name="new_index", fillfactor=80)),
    _index("spgist text", pg.SpGistIndex(fields=["body"], name="new_index")),
    _index(
        "brin",
        pg.BrinIndex(fields=["seen"], name="new_index", pages_per_range=16, autosummarize=True),
    ),
    _index("hash", pg.HashIndex(fields=["body"], name="new_index")),
    _index("btree options", pg.BTreeIndex(fields=["pages"], name="new_index", fillfactor=70)),
    Case(
        "remove index",
        lambda stock: (migrations.RemoveIndex if stock else zd.RemoveIndexConcurrently)(
            "book", "book_pages"
        ),
    ),
    Case(
        "remove expression index",
        lambda stock: (migrations.RemoveIndex if stock else zd.RemoveIndexConcurrently)(
            "book", "book_lower"
        ),
    ),
]

Unique, Check = models.UniqueConstraint, models.CheckConstraint

CONSTRAINT = [
    _constraint("check", Check(condition=Q(stock__gte=0), name="new")),
    _constraint("check of two", Check(condition=Q(stock__lte=F("pages")), name="new")),
    _constraint("check text", Check(condition=~Q(title="100 % '"), name="new")),
    _constraint("check in", Check(condition=~Q(indexed__in=["x", "y"]), name="new")),
    _constraint("unique", Unique(fields=["title"], name="new")),
    _constraint("unique of two", Unique(fields=["title", "pages"], name="new")),
    _constraint("unique foreign key", Unique(fields=["writer", "pages"], name="new")),
    _constraint("unique partial", Unique(fields=["title"], name="new", condition=Q(pages=1))),
    _constraint(
        "unique partial in",
        Unique(fields=["title"], name="new", condition=~Q(indexed__in=["x", "y"])),
    ),
    _constraint("unique expression", Unique(Lower("title"), "pages", name="new")),
    _constraint("unique covering", Unique(fields=["title"], name="new", include=["pages"])),
    _constraint(
        "unique opclass", Unique(fields=["title"], name="new", opclasses=["text_pattern_ops"])
    ),
    _constraint(
        "unique deferred",
        Unique(fields=["pages"], name="new", deferrable=models.Deferrable.DEFERRED),
    ),
    _constraint(
        "unique deferrable",
        Unique(fields=["pages"], name="new", deferrable=models.Deferrable.IMMEDIATE),
    ),
    _constraint(
        "unique nulls",
        Unique(fields=["code"], name="new", nulls_distinct=False),
        minimum_version=15,
    ),
    _constraint(
        "unique nulls, two",
        Unique(fields=["code", "stock"], name="new", nulls_distinct=False),
        minimum_version=15,
    ),
]

CASES = [*ADD_FIELD, *ALTER_FIELD, *INDEX, *CONSTRAINT]
