"""Indexes."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex, GinIndex, GistIndex, HashIndex
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import models
from django.db.migrations import (
    AddIndex,
    AlterField,
    AlterIndexTogether,
    CreateModel,
    RemoveIndex,
    RenameIndex,
    RunSQL,
)
from django.db.models.functions import Lower

from tests.corpus.bookshop import key
from tests.corpus.case import Case

PAGES = models.Index(fields=["pages"], name="book_pages_ix")

CASES = [
    Case("index_plain", "an index", [AddIndex("book", PAGES)]),
    Case(
        "index_descending",
        "several columns, one descending",
        [
            AddIndex(
                "order", models.Index(fields=["-placed_at", "status"], name="order_recent_ix")
            ),
        ],
    ),
    Case(
        "index_expression",
        "an index on an expression",
        [
            AddIndex("customer", models.Index(Lower("full_name"), name="customer_name_ix")),
        ],
    ),
    Case(
        "index_partial",
        "a partial index is a full scan",
        [
            AddIndex(
                "order",
                models.Index(
                    fields=["room"], condition=models.Q(status="open"), name="order_open_ix"
                ),
            ),
        ],
    ),
    Case(
        "index_opclass",
        "an index with an operator class",
        [
            AddIndex(
                "book",
                models.Index(
                    fields=["title"], opclasses=["varchar_pattern_ops"], name="book_title_like"
                ),
            ),
        ],
    ),
    Case(
        "index_brin",
        "a BRIN index",
        [
            AddIndex("order", BrinIndex(fields=["placed_at"], name="order_placed_brin")),
        ],
    ),
    Case(
        "index_gin",
        "a GIN index on jsonb",
        [
            AddIndex("book", GinIndex(fields=["attributes"], name="book_attributes_gin")),
        ],
    ),
    Case(
        "index_gist",
        "a GiST index on a range",
        [
            AddIndex("order", GistIndex(fields=["period"], name="order_period_gist")),
        ],
    ),
    Case(
        "index_hash",
        "a hash index",
        [
            AddIndex("book", HashIndex(fields=["slug"], name="book_slug_hash")),
        ],
    ),
    Case(
        "index_include",
        "a covering index",
        [
            AddIndex(
                "order", models.Index(fields=["room"], include=["status"], name="order_room_inc")
            ),
        ],
    ),
    Case(
        "index_concurrently",
        "an index built concurrently",
        [
            AddIndexConcurrently("book", PAGES),
        ],
        atomic=False,
    ),
    Case(
        "index_concurrently_in_transaction",
        "CONCURRENTLY in an atomic migration: refused",
        [
            AddIndexConcurrently("book", PAGES),
        ],
    ),
    Case(
        "index_two_concurrently",
        "two indexes built concurrently",
        [
            AddIndexConcurrently("book", PAGES),
            AddIndexConcurrently("order", models.Index(fields=["room"], name="order_room_ix")),
        ],
        atomic=False,
    ),
    Case(
        "index_removed",
        "an index removed",
        [RemoveIndex("book", "book_pages_ix")],
        setup=[AddIndex("book", PAGES)],
    ),
    Case(
        "index_removed_concurrently",
        "an index removed concurrently",
        [
            RemoveIndexConcurrently("book", "book_pages_ix"),
        ],
        setup=[AddIndex("book", PAGES)],
        atomic=False,
    ),
    Case(
        "index_removed_concurrently_in_transaction",
        "... in an atomic migration: refused",
        [
            RemoveIndexConcurrently("book", "book_pages_ix"),
        ],
        setup=[AddIndex("book", PAGES)],
    ),
    Case(
        "index_renamed",
        "an index renamed",
        [
            RenameIndex("book", new_name="book_length_ix", old_name="book_pages_ix"),
        ],
        setup=[AddIndex("book", PAGES)],
    ),
    Case(
        "index_replaced",
        "an index removed and built anew in one transaction",
        [
            RemoveIndex("book", "book_pages_ix"),
            AddIndex("book", models.Index(fields=["pages", "edition"], name="book_pages_ix")),
        ],
        setup=[AddIndex("book", PAGES)],
    ),
    Case(
        "index_together_added",
        "index_together",
        [
            AlterIndexTogether("order", {("room", "status")}),
        ],
    ),
    Case(
        "index_together_removed",
        "index_together removed",
        [
            AlterIndexTogether("order", set()),
        ],
        setup=[AlterIndexTogether("order", {("room", "status")})],
    ),
    Case(
        "index_name_taken",
        "an index whose name is taken: refused",
        [AddIndex("book", PAGES)],
        setup=[RunSQL("CREATE INDEX book_pages_ix ON store_order (room)", RunSQL.noop)],
    ),
    Case(
        "index_on_new_model",
        "an index on a table of the same migration",
        [
            CreateModel("Review", [key(), ("stars", models.IntegerField())]),
            AddIndex("review", models.Index(fields=["stars"], name="review_stars_ix")),
        ],
    ),
    Case(
        "index_on_new_and_old",
        "an index on a new table and one on an old one",
        [
            CreateModel("Review", [key(), ("stars", models.IntegerField())]),
            AddIndex("review", models.Index(fields=["stars"], name="review_stars_ix")),
            AddIndex("book", PAGES),
        ],
    ),
    Case(
        "index_small_table",
        "an index on a table of a few rows",
        [
            AddIndex("tag", models.Index(fields=["label"], name="tag_label_ix")),
        ],
    ),
    Case(
        "index_not_atomic",
        "an index that is not built concurrently, atomic=False",
        [
            AddIndex("book", PAGES),
        ],
        atomic=False,
    ),
    Case(
        "index_then_alter",
        "an index built, then NOT NULL dropped in one transaction",
        [
            AddIndex("order", models.Index(fields=["room"], name="order_room_ix")),
            AlterField("order", "currency", models.CharField(max_length=3, null=True)),
        ],
    ),
    Case(
        "alter_then_index",
        "NOT NULL dropped, then an index built: readers wait, too",
        [
            AlterField("order", "currency", models.CharField(max_length=3, null=True)),
            AddIndex("order", models.Index(fields=["room"], name="order_room_ix")),
        ],
    ),
]
