"""RenameField and RemoveField."""

from __future__ import annotations

from django.db import models
from django.db.migrations import (
    AddField,
    AddIndex,
    AlterField,
    AlterUniqueTogether,
    CreateModel,
    RemoveField,
    RenameField,
    RunSQL,
)

from tests.corpus.bookshop import key
from tests.corpus.case import Case

CASES = [
    Case(
        "rename_nullable",
        "a nullable column renamed",
        [
            RenameField("book", "summary", "abstract"),
        ],
    ),
    Case("rename_not_null", "a NOT NULL column renamed", [RenameField("book", "pages", "length")]),
    Case("rename_indexed", "an indexed column renamed", [RenameField("book", "shelf", "place")]),
    Case("rename_unique", "a unique column renamed", [RenameField("customer", "email", "mail")]),
    Case(
        "rename_foreign_key",
        "a foreign key renamed: dropped and validated anew",
        [
            RenameField("order", "customer", "buyer"),
        ],
    ),
    Case(
        "rename_many_to_many",
        "a ManyToManyField renamed: its table is",
        [
            RenameField("book", "tags", "keywords"),
        ],
    ),
    Case(
        "rename_pinned",
        "a field renamed, its column pinned",
        [
            RenameField("book", "pages", "length"),
        ],
        setup=[AlterField("book", "pages", models.IntegerField(db_column="pages"))],
    ),
    Case(
        "rename_back_by_db_column",
        "a field renamed, its column named back at once",
        [
            RenameField("book", "pages", "length"),
            AlterField("book", "length", models.IntegerField(db_column="pages")),
        ],
    ),
    Case(
        "rename_and_back",
        "a field renamed there and back",
        [
            RenameField("book", "pages", "length"),
            RenameField("book", "length", "pages"),
        ],
    ),
    Case(
        "rename_in_unique_together",
        "a column of unique_together renamed",
        [
            RenameField("orderline", "quantity", "amount"),
        ],
        setup=[AlterUniqueTogether("orderline", {("id", "quantity")})],
    ),
    Case(
        "rename_new_field",
        "a field renamed in the migration that adds it",
        [
            AddField("book", "stars", models.IntegerField(null=True)),
            RenameField("book", "stars", "rating"),
        ],
    ),
    Case(
        "rename_on_new_model",
        "a field of a new table renamed",
        [
            CreateModel("Note", [key(), ("text", models.TextField())]),
            RenameField("note", "text", "body"),
        ],
    ),
    Case(
        "rename_and_retype",
        "renamed, and another type",
        [
            RenameField("order", "room", "chamber"),
            AlterField("order", "chamber", models.BigIntegerField()),
        ],
    ),
    Case(
        "rename_not_atomic",
        "renamed, atomic=False",
        [
            RenameField("book", "pages", "length"),
        ],
        atomic=False,
    ),
    Case("remove_nullable", "a nullable column removed", [RemoveField("book", "summary")]),
    Case("remove_not_null", "a NOT NULL column removed", [RemoveField("book", "pages")]),
    Case(
        "remove_with_db_default",
        "a column with a database default removed",
        [
            RemoveField("book", "level"),
        ],
    ),
    Case("remove_indexed", "an indexed column removed", [RemoveField("book", "shelf")]),
    Case("remove_unique", "a unique column removed", [RemoveField("book", "isbn")]),
    Case("remove_foreign_key", "a foreign key removed", [RemoveField("orderline", "book")]),
    Case(
        "remove_nullable_foreign_key",
        "a nullable foreign key removed",
        [
            RemoveField("book", "editor"),
        ],
    ),
    Case(
        "remove_foreign_key_no_constraint",
        "a foreign key without constraint removed",
        [
            RemoveField("book", "importer"),
        ],
    ),
    Case(
        "remove_many_to_many",
        "a ManyToManyField removed: its table is dropped",
        [
            RemoveField("book", "tags"),
        ],
    ),
    Case(
        "remove_generated",
        "a generated column removed",
        [RemoveField("book", "twice")],
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
    Case(
        "remove_under_view",
        "a column that a view uses removed: refused",
        [RemoveField("book", "summary")],
        setup=[
            RunSQL(
                "CREATE VIEW summaries AS SELECT summary FROM store_book",
                "DROP VIEW IF EXISTS summaries",
            )
        ],
        since=(6, 0),
    ),
    Case(
        "remove_with_index_in_meta",
        "a column of an index of several columns removed",
        [
            RemoveField("order", "room"),
        ],
        setup=[AddIndex("order", models.Index(fields=["room", "status"], name="order_room_ix"))],
    ),
    Case(
        "remove_and_add_again",
        "a column removed and added with another type",
        [
            RemoveField("book", "summary"),
            AddField("book", "summary", models.JSONField(null=True)),
        ],
    ),
    Case(
        "remove_new_field",
        "a column added and removed at once",
        [
            AddField("book", "stars", models.IntegerField(null=True)),
            RemoveField("book", "stars"),
        ],
    ),
    Case(
        "remove_made_nullable_before",
        "a column made nullable before, then removed",
        [
            RemoveField("order", "currency"),
        ],
        setup=[AlterField("order", "currency", models.CharField(max_length=3, null=True))],
    ),
    Case(
        "remove_two_tables",
        "columns of two tables removed",
        [
            RemoveField("book", "summary"),
            RemoveField("order", "comment"),
        ],
    ),
]
