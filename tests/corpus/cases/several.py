"""Several operations in one migration, and SeparateDatabaseAndState."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently
from django.db import models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    CreateModel,
    DeleteModel,
    RemoveField,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)

from tests.corpus.bookshop import key
from tests.corpus.case import Case


def fill_stars(apps: Any, schema_editor: Any) -> None:
    apps.get_model("store", "Book").objects.update(stars=1)


def fill_comments(apps: Any, schema_editor: Any) -> None:
    apps.get_model("store", "Order").objects.filter(comment=None).update(comment="")


def make_kinds(apps: Any, schema_editor: Any) -> None:
    Kind = apps.get_model("store", "Kind")
    Kind.objects.bulk_create([Kind(name="novel"), Kind(name="poetry")])


def count_lines(apps: Any, schema_editor: Any) -> None:
    assert apps.get_model("store", "OrderLine").objects.count() >= 0


def shift_rooms(apps: Any, schema_editor: Any) -> None:
    apps.get_model("store", "Order").objects.filter(pk__lte=2).update(room=1)


KIND = CreateModel("Kind", [key(), ("name", models.CharField(max_length=20))])
STARS = AddField("book", "stars", models.IntegerField(null=True))
STARS_SQL = RunSQL(
    "ALTER TABLE store_book ADD COLUMN stars integer", "ALTER TABLE store_book DROP COLUMN stars"
)

CASES = [
    Case(
        "mixed_add_fill",
        "a column added and filled in one transaction",
        [
            STARS,
            RunPython(fill_stars, RunPython.noop),
        ],
    ),
    Case(
        "mixed_add_fill_not_atomic",
        "a column added and filled, atomic=False",
        [
            STARS,
            RunPython(fill_stars, RunPython.noop),
        ],
        atomic=False,
    ),
    Case(
        "mixed_add_fill_require",
        "a column added, filled and made NOT NULL",
        [
            STARS,
            RunPython(fill_stars, RunPython.noop),
            AlterField("book", "stars", models.IntegerField()),
        ],
    ),
    Case(
        "mixed_fill_require",
        "NULLs filled, then NOT NULL, in one transaction",
        [
            RunPython(fill_comments, RunPython.noop),
            AlterField("order", "comment", models.TextField()),
        ],
    ),
    Case(
        "mixed_new_table_seed",
        "a new table and rows in it",
        [
            KIND,
            RunPython(make_kinds, RunPython.noop),
        ],
    ),
    Case(
        "mixed_new_table_seed_and_field",
        "a new table, rows in it, a column elsewhere",
        [
            KIND,
            RunPython(make_kinds, RunPython.noop),
            STARS,
        ],
    ),
    Case(
        "mixed_field_and_few_rows",
        "a column and two rows by key",
        [
            AddField("book", "stars", models.IntegerField(null=True)),
            RunPython(shift_rooms, RunPython.noop),
        ],
    ),
    Case(
        "mixed_field_and_count",
        "a column, then a count of another table's rows",
        [
            STARS,
            RunPython(count_lines, RunPython.noop),
        ],
    ),
    Case(
        "mixed_count_and_field",
        "a count, then a column",
        [
            RunPython(count_lines, RunPython.noop),
            STARS,
        ],
    ),
    Case(
        "mixed_new_table_copy",
        "a new table filled from a big one",
        [
            KIND,
            RunSQL(
                "INSERT INTO store_kind (name) SELECT left(title, 20) FROM store_book",
                "DELETE FROM store_kind",
            ),
        ],
    ),
    Case(
        "mixed_field_index_constraint",
        "a column, an index and a CHECK",
        [
            STARS,
            AddIndex("book", models.Index(fields=["stars"], name="book_stars_ix")),
            AddConstraint(
                "book",
                models.CheckConstraint(condition=models.Q(stars__lt=6), name="book_stars_max"),
            ),
        ],
    ),
    Case(
        "mixed_delete_after_remove",
        "a column removed, and a table",
        [
            RemoveField("book", "summary"),
            DeleteModel("Address"),
        ],
    ),
    Case(
        "mixed_rows_then_ddl",
        "rows get another key, then their table is altered: pending events",
        [
            RunSQL(
                "UPDATE store_order SET customer_id = customer_id + 1 WHERE id = 1",
                RunSQL.noop,
            ),
            AddField("order", "weight", models.IntegerField(null=True)),
        ],
    ),
    Case(
        "mixed_many_safe",
        "what nobody notices, all at once",
        [
            AddField("book", "stars", models.IntegerField(null=True)),
            AlterField("order", "status", models.CharField(max_length=40)),
            AlterField("book", "level", models.IntegerField(db_default=4)),
            KIND,
        ],
    ),
    Case(
        "squashed",
        "a squashed migration that creates and changes its own tables",
        [
            KIND,
            AddField("kind", "code", models.CharField(max_length=5, default="")),
            AlterField("kind", "name", models.TextField()),
            AddIndex("kind", models.Index(fields=["code"], name="kind_code_ix")),
        ],
        attributes={"replaces": [("store", "0001_a"), ("store", "0002_b")]},
    ),
    Case(
        "separate_state_only",
        "a column that the database has already",
        [
            SeparateDatabaseAndState(state_operations=[STARS]),
        ],
        setup=[RunSQL("ALTER TABLE store_book ADD COLUMN stars integer", RunSQL.noop)],
    ),
    Case(
        "separate_remove_state_only",
        "a NOT NULL field leaves the state, its column stays",
        [
            SeparateDatabaseAndState(state_operations=[RemoveField("order", "currency")]),
        ],
    ),
    Case(
        "separate_delete_state_only",
        "a model leaves the state, its table stays",
        [
            SeparateDatabaseAndState(state_operations=[DeleteModel("Address")]),
        ],
    ),
    Case(
        "separate_drop_later",
        "the column of a field that had left the state",
        [
            SeparateDatabaseAndState(
                database_operations=[
                    RunSQL("ALTER TABLE store_book DROP COLUMN summary", RunSQL.noop)
                ]
            ),
        ],
        setup=[SeparateDatabaseAndState(state_operations=[RemoveField("book", "summary")])],
    ),
    Case(
        "separate_both",
        "a column by SQL, and its field",
        [
            SeparateDatabaseAndState(database_operations=[STARS_SQL], state_operations=[STARS]),
        ],
    ),
    Case(
        "separate_concurrent_index",
        "an index by SQL, concurrently, and its state",
        [
            SeparateDatabaseAndState(
                database_operations=[
                    RunSQL(
                        "CREATE INDEX CONCURRENTLY book_pages_ix ON store_book (pages)",
                        "DROP INDEX book_pages_ix",
                    )
                ],
                state_operations=[
                    AddIndex("book", models.Index(fields=["pages"], name="book_pages_ix"))
                ],
            ),
        ],
        atomic=False,
    ),
    Case(
        "separate_index_nested",
        "an index nested among database operations",
        [
            SeparateDatabaseAndState(
                database_operations=[
                    SeparateDatabaseAndState(
                        database_operations=[
                            AddIndex("book", models.Index(fields=["pages"], name="book_pages_ix"))
                        ]
                    )
                ]
            ),
        ],
    ),
    Case(
        "separate_new_table_state_only",
        "a model for a table that is there",
        [
            SeparateDatabaseAndState(
                state_operations=[
                    CreateModel("BookTag", [key()], options={"db_table": "store_book_tags"})
                ]
            ),
        ],
    ),
    Case(
        "separate_not_null_recipe",
        "NOT NULL by way of a CHECK, atomic=False",
        [
            AddConstraintNotValid(
                "order",
                models.CheckConstraint(
                    condition=models.Q(comment__isnull=False), name="order_comment_given"
                ),
            ),
            RunSQL("ALTER TABLE store_order VALIDATE CONSTRAINT order_comment_given", RunSQL.noop),
            AlterField("order", "comment", models.TextField()),
        ],
        atomic=False,
    ),
    Case(
        "separate_unique_recipe",
        "UNIQUE by way of an index built concurrently",
        [
            SeparateDatabaseAndState(
                database_operations=[
                    RunSQL(
                        "CREATE UNIQUE INDEX CONCURRENTLY order_number_uniq "
                        "ON store_order (number)",
                        "DROP INDEX IF EXISTS order_number_uniq",
                    ),
                    RunSQL(
                        "ALTER TABLE store_order ADD CONSTRAINT order_number_uniq "
                        "UNIQUE USING INDEX order_number_uniq",
                        "ALTER TABLE store_order DROP CONSTRAINT order_number_uniq",
                    ),
                ],
                state_operations=[
                    AddConstraint(
                        "order",
                        models.UniqueConstraint(fields=["number"], name="order_number_uniq"),
                    )
                ],
            ),
        ],
        atomic=False,
    ),
    Case(
        "separate_foreign_key_recipe",
        "a foreign key in steps, atomic=False",
        [
            SeparateDatabaseAndState(
                database_operations=[
                    RunSQL(
                        "ALTER TABLE store_order ADD COLUMN rep_id integer",
                        "ALTER TABLE store_order DROP COLUMN rep_id",
                    ),
                    RunSQL(
                        "CREATE INDEX CONCURRENTLY order_rep_ix ON store_order (rep_id)",
                        RunSQL.noop,
                    ),
                    RunSQL(
                        "ALTER TABLE store_order ADD CONSTRAINT order_rep_fk FOREIGN KEY (rep_id) "
                        "REFERENCES store_customer NOT VALID",
                        RunSQL.noop,
                    ),
                    RunSQL("ALTER TABLE store_order VALIDATE CONSTRAINT order_rep_fk", RunSQL.noop),
                ],
                state_operations=[
                    AddField(
                        "order",
                        "rep",
                        models.ForeignKey(
                            "store.Customer", models.SET_NULL, null=True, related_name="+"
                        ),
                    )
                ],
            ),
        ],
        atomic=False,
    ),
    Case(
        "concurrent_index_after_field",
        "a column, then its index concurrently",
        [
            STARS,
            AddIndexConcurrently("book", models.Index(fields=["stars"], name="book_stars_ix")),
        ],
        atomic=False,
    ),
    Case(
        "initial_of_another_app",
        "tables of an initial migration",
        [
            KIND,
            AddIndex("kind", models.Index(fields=["name"], name="kind_name_ix")),
        ],
        attributes={"initial": True},
    ),
]
