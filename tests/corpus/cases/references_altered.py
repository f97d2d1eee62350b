"""AlterField of foreign keys and ManyToManyFields."""

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
    Case(
        "alter_related_name",
        "related_name of a foreign key",
        [
            AlterField(
                "orderline",
                "order",
                models.ForeignKey("store.Order", models.CASCADE, related_name="items"),
            ),
        ],
    ),
    Case(
        "alter_on_delete",
        "on_delete of a foreign key",
        [
            AlterField("order", "customer", models.ForeignKey("store.Customer", models.CASCADE)),
        ],
    ),
    Case(
        "alter_limit_choices",
        "limit_choices_to of a foreign key",
        [
            AlterField(
                "book",
                "author",
                models.ForeignKey(
                    "store.Customer",
                    models.CASCADE,
                    related_name="books",
                    limit_choices_to={"is_active": True},
                ),
            ),
        ],
    ),
    Case(
        "alter_m2m_related_name",
        "related_name of a ManyToManyField",
        [
            AlterField("book", "tags", models.ManyToManyField("store.Tag", related_name="tagged")),
        ],
    ),
    Case(
        "alter_m2m_blank",
        "blank of a ManyToManyField",
        [
            AlterField(
                "book",
                "tags",
                models.ManyToManyField("store.Tag", related_name="books", blank=True),
            ),
        ],
    ),
    Case(
        "alter_foreign_key_to_not_null",
        "a foreign key to NOT NULL",
        [
            AlterField(
                "book",
                "editor",
                models.ForeignKey("store.Customer", models.CASCADE, related_name="+"),
            ),
        ],
    ),
    Case(
        "alter_foreign_key_to_null",
        "a foreign key to null: dropped and validated anew",
        [
            AlterField(
                "book",
                "author",
                models.ForeignKey(
                    "store.Customer", models.SET_NULL, null=True, related_name="books"
                ),
            ),
        ],
    ),
    Case(
        "alter_foreign_key_default",
        "a Python default of a foreign key",
        [
            AlterField("book", "editor", _editor(default=1)),
        ],
    ),
    # Foreign keys.
    Case(
        "alter_foreign_key_index_removed",
        "db_index=False on a foreign key",
        [
            AlterField("book", "editor", _editor(db_index=False)),
        ],
    ),
    Case(
        "alter_foreign_key_constraint_removed",
        "db_constraint=False on a foreign key",
        [
            AlterField("book", "editor", _editor(db_constraint=False)),
        ],
    ),
    Case(
        "alter_foreign_key_constraint_added",
        "db_constraint=True on one without",
        [
            AlterField(
                "book",
                "importer",
                models.ForeignKey("store.Customer", models.DO_NOTHING, related_name="+"),
            ),
        ],
    ),
    Case(
        "alter_foreign_key_to_one_to_one",
        "a ForeignKey becomes a OneToOneField",
        [
            AlterField("orderline", "order", models.OneToOneField("store.Order", models.CASCADE)),
        ],
    ),
    Case(
        "alter_one_to_one_to_foreign_key",
        "a OneToOneField becomes a ForeignKey",
        [
            AlterField("address", "customer", models.ForeignKey("store.Customer", models.CASCADE)),
        ],
    ),
    Case(
        "alter_foreign_key_to_integer",
        "a ForeignKey becomes an integer of the same column",
        [
            AlterField("book", "editor", models.IntegerField(null=True, db_column="editor_id")),
        ],
    ),
    Case(
        "alter_integer_to_foreign_key",
        "an integer becomes a ForeignKey on its column",
        [
            AlterField(
                "book",
                "customer_number",
                models.ForeignKey(
                    "store.Customer",
                    models.DO_NOTHING,
                    db_column="customer_number",
                    related_name="+",
                ),
            ),
        ],
    ),
    Case(
        "alter_integer_to_foreign_key_bare",
        "... without constraint and index",
        [
            AlterField(
                "book",
                "customer_number",
                models.ForeignKey(
                    "store.Customer",
                    models.DO_NOTHING,
                    db_column="customer_number",
                    related_name="+",
                    db_constraint=False,
                    db_index=False,
                ),
            ),
        ],
    ),
    Case(
        "alter_foreign_key_target",
        "a foreign key to another table",
        [
            AlterField(
                "orderline",
                "order",
                models.ForeignKey("store.Book", models.CASCADE, related_name="+"),
            ),
        ],
    ),
    Case(
        "alter_foreign_key_db_column",
        "db_column of a foreign key",
        [
            AlterField("book", "editor", _editor(db_column="edited_by")),
        ],
    ),
    Case(
        "alter_foreign_key_not_atomic",
        "a foreign key to null, atomic=False",
        [
            AlterField(
                "book",
                "author",
                models.ForeignKey(
                    "store.Customer", models.SET_NULL, null=True, related_name="books"
                ),
            ),
        ],
        atomic=False,
    ),
    Case(
        "alter_m2m_through",
        "a ManyToManyField to a through table of its own: refused",
        [
            AlterField(
                "book",
                "tags",
                models.ManyToManyField(
                    "store.Tag", related_name="books", through="store.OrderLine"
                ),
            ),
        ],
    ),
    Case(
        "alter_m2m_db_table",
        "the table of a ManyToManyField",
        [
            AlterField(
                "book",
                "tags",
                models.ManyToManyField("store.Tag", related_name="books", db_table="book_labels"),
            ),
        ],
    ),
    Case(
        "alter_m2m_target",
        "a ManyToManyField to another model",
        [
            AlterField(
                "book", "tags", models.ManyToManyField("store.Format", related_name="books")
            ),
        ],
    ),
]
