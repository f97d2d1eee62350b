"""Models created, deleted, renamed, and their options."""

from __future__ import annotations

from django.db import models
from django.db.migrations import (
    AddField,
    AlterModelManagers,
    AlterModelOptions,
    AlterModelTable,
    AlterModelTableComment,
    AlterOrderWithRespectTo,
    CreateModel,
    DeleteModel,
    RemoveField,
    RenameModel,
    RunSQL,
)

from tests.corpus.bookshop import key
from tests.corpus.case import Case

REVIEW = CreateModel(
    "Review",
    [
        key(),
        ("book", models.ForeignKey("store.Book", models.CASCADE)),
        ("text", models.TextField()),
    ],
)
NOTE = CreateModel("Note", [key(), ("text", models.TextField())])

CASES = [
    Case("model_plain", "a new table", [NOTE]),
    Case("model_foreign_key", "a new table that refers to a big one", [REVIEW]),
    Case(
        "model_two_foreign_keys",
        "a new table that refers to two",
        [
            CreateModel(
                "Loan",
                [
                    key(),
                    ("book", models.ForeignKey("store.Book", models.CASCADE)),
                    ("customer", models.ForeignKey("store.Customer", models.CASCADE)),
                ],
            ),
        ],
    ),
    Case(
        "model_no_constraint",
        "a new table with a foreign key without constraint",
        [
            CreateModel(
                "Visit",
                [
                    key(),
                    (
                        "book",
                        models.ForeignKey("store.Book", models.DO_NOTHING, db_constraint=False),
                    ),
                ],
            ),
        ],
    ),
    Case(
        "model_self",
        "a new table that refers to itself",
        [
            CreateModel(
                "Section",
                [
                    key(),
                    ("parent", models.ForeignKey("store.Section", models.CASCADE, null=True)),
                ],
            ),
        ],
    ),
    Case(
        "model_many_to_many",
        "a new table with a ManyToManyField to a big one",
        [
            CreateModel("Basket", [key(), ("books", models.ManyToManyField("store.Book"))]),
        ],
    ),
    Case(
        "model_with_everything",
        "a new table with indexes, constraints and a foreign key",
        [
            CreateModel(
                "Ticket",
                [
                    key(),
                    ("code", models.CharField(max_length=20, unique=True)),
                    ("priority", models.PositiveIntegerField(db_index=True)),
                    ("customer", models.ForeignKey("store.Customer", models.CASCADE)),
                ],
                options={
                    "indexes": [models.Index(fields=["code", "priority"], name="ticket_ix")],
                    "constraints": [
                        models.CheckConstraint(
                            condition=models.Q(priority__lt=10), name="ticket_priority"
                        )
                    ],
                },
            ),
        ],
    ),
    Case(
        "model_inherits",
        "multi-table inheritance: a one-to-one as the key",
        [
            CreateModel(
                "AudioBook",
                [
                    (
                        "book_ptr",
                        models.OneToOneField(
                            "store.Book", models.CASCADE, parent_link=True, primary_key=True
                        ),
                    ),
                    ("minutes", models.IntegerField()),
                ],
                bases=("store.book",),
            ),
        ],
    ),
    Case(
        "model_proxy",
        "a proxy model",
        [
            CreateModel("RareBook", [], options={"proxy": True}, bases=("store.book",)),
        ],
    ),
    Case(
        "model_unmanaged",
        "an unmanaged model",
        [
            CreateModel("Ledger", [key()], options={"managed": False, "db_table": "ledger"}),
        ],
    ),
    Case(
        "model_table_taken",
        "a new table whose name is taken: refused",
        [
            CreateModel("Book2", [key()], options={"db_table": "store_book"}),
        ],
    ),
    Case(
        "model_after_field",
        "a new table, and a foreign key to it on a big one",
        [
            CreateModel("Publisher", [key(), ("name", models.CharField(max_length=80))]),
            AddField(
                "book",
                "publisher",
                models.ForeignKey("store.Publisher", models.SET_NULL, null=True),
            ),
        ],
    ),
    Case(
        "model_with_late_foreign_key",
        "a new table, its foreign key added later",
        [
            NOTE,
            AddField("note", "book", models.ForeignKey("store.Book", models.CASCADE)),
        ],
    ),
    Case("model_deleted", "a table dropped", [DeleteModel("Address")]),
    Case(
        "model_deleted_with_children",
        "a table dropped that others refer to",
        [
            RemoveField("orderline", "order"),
            DeleteModel("Order"),
        ],
    ),
    Case(
        "model_deleted_still_referred",
        "a table dropped while another refers to it",
        [
            DeleteModel("Order"),
        ],
    ),
    Case("model_deleted_small", "a small table dropped", [DeleteModel("Format")]),
    Case(
        "model_deleted_unmanaged",
        "an unmanaged model deleted",
        [DeleteModel("Ledger")],
        setup=[CreateModel("Ledger", [key()], options={"managed": False})],
    ),
    Case(
        "model_deleted_proxy",
        "a proxy deleted",
        [DeleteModel("RareBook")],
        setup=[CreateModel("RareBook", [], options={"proxy": True}, bases=("store.book",))],
    ),
    Case(
        "model_created_and_deleted",
        "a table created and dropped at once",
        [
            NOTE,
            DeleteModel("Note"),
        ],
    ),
    Case(
        "model_renamed",
        "a model renamed, that none refers to",
        [
            RenameModel("Address", "PostalAddress"),
        ],
    ),
    Case(
        "model_renamed_referred",
        "a model renamed that others refer to",
        [
            RenameModel("Order", "Purchase"),
        ],
    ),
    Case(
        "model_renamed_pinned",
        "a model renamed, its table pinned",
        [
            RenameModel("Address", "PostalAddress"),
        ],
        setup=[AlterModelTable("address", "store_address")],
    ),
    Case(
        "model_renamed_pinned_referred",
        "... that others refer to",
        [
            RenameModel("Order", "Purchase"),
        ],
        setup=[AlterModelTable("order", "store_order")],
    ),
    Case(
        "model_renamed_with_m2m",
        "a model renamed that has a ManyToManyField",
        [
            RenameModel("Book", "Title"),
        ],
    ),
    Case(
        "model_renamed_m2m_target",
        "a model renamed that a ManyToManyField refers to",
        [
            RenameModel("Tag", "Keyword"),
        ],
    ),
    Case(
        "model_renamed_new",
        "a model renamed in the migration that creates it",
        [
            NOTE,
            RenameModel("Note", "Memo"),
        ],
    ),
    Case("table_renamed", "another db_table", [AlterModelTable("address", "addresses")]),
    Case(
        "table_renamed_referred",
        "another db_table of a table that others refer to",
        [
            AlterModelTable("order", "orders"),
        ],
    ),
    Case(
        "table_renamed_same",
        "db_table as it is called already",
        [
            AlterModelTable("order", "store_order"),
        ],
    ),
    Case(
        "table_renamed_with_m2m",
        "another db_table renames that of the ManyToManyField",
        [
            AlterModelTable("book", "books"),
        ],
    ),
    Case(
        "table_renamed_with_view",
        "another db_table, and a view under the old name",
        [
            AlterModelTable("address", "addresses"),
            RunSQL(
                "CREATE VIEW store_address AS SELECT * FROM addresses", "DROP VIEW store_address"
            ),
        ],
    ),
    Case(
        "options_changed",
        "verbose names and ordering",
        [
            AlterModelOptions("book", {"ordering": ["title"], "verbose_name": "title"}),
        ],
    ),
    Case(
        "options_permissions",
        "permissions",
        [
            AlterModelOptions("book", {"permissions": [("lend", "May lend")]}),
        ],
    ),
    Case(
        "managers_changed",
        "managers",
        [
            AlterModelManagers("book", [("everything", models.Manager())]),
        ],
    ),
    Case("table_comment", "a comment on a table", [AlterModelTableComment("book", "what we sell")]),
    Case(
        "order_with_respect_to",
        "order_with_respect_to: NOT NULL with a default",
        [
            AlterOrderWithRespectTo("orderline", "order"),
        ],
    ),
    Case(
        "order_with_respect_to_removed",
        "order_with_respect_to removed",
        [
            AlterOrderWithRespectTo("orderline", None),
        ],
        setup=[AlterOrderWithRespectTo("orderline", "order")],
    ),
]
