"""AddField of foreign keys and ManyToManyFields."""

from __future__ import annotations

from django.db import models
from django.db.migrations import AddField

from tests.corpus.case import Case

CASES = [
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
