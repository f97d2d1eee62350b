"""Constraints of every kind."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AlterUniqueTogether,
    CreateModel,
    RemoveConstraint,
)
from django.db.models.functions import Lower

from tests.corpus.bookshop import key
from tests.corpus.case import Case

PAGES = models.CheckConstraint(condition=models.Q(pages__gte=0), name="book_pages_positive")
NUMBER = models.UniqueConstraint(fields=["number"], name="order_number_uniq")
SHORT = models.CheckConstraint(condition=models.Q(pages__gte=0), name="p" * 63)

CASES = [
    Case("check", "a CHECK", [AddConstraint("book", PAGES)]),
    Case(
        "check_two_columns",
        "a CHECK of two columns",
        [
            AddConstraint(
                "order",
                models.CheckConstraint(
                    condition=models.Q(shipped_at__gte=models.F("placed_at")), name="order_times"
                ),
            ),
        ],
    ),
    Case(
        "check_all_rows_pass",
        "a CHECK that all rows pass, and no type guarantees",
        [
            AddConstraint(
                "order",
                models.CheckConstraint(condition=models.Q(room__gte=-10), name="order_room_known"),
            ),
        ],
    ),
    Case(
        "check_not_valid", "a CHECK that is not validated", [AddConstraintNotValid("book", PAGES)]
    ),
    Case(
        "check_validated_later",
        "a CHECK validated in a migration of its own",
        [
            ValidateConstraint("book", "book_pages_positive"),
        ],
        setup=[AddConstraintNotValid("book", PAGES)],
    ),
    Case(
        "check_validated_at_once",
        "NOT VALID and VALIDATE in one transaction",
        [
            AddConstraintNotValid("book", PAGES),
            ValidateConstraint("book", "book_pages_positive"),
        ],
    ),
    Case(
        "check_validated_at_once_not_atomic",
        "NOT VALID and VALIDATE, atomic=False",
        [
            AddConstraintNotValid("book", PAGES),
            ValidateConstraint("book", "book_pages_positive"),
        ],
        atomic=False,
    ),
    Case(
        "check_removed",
        "a CHECK removed",
        [RemoveConstraint("book", "book_pages_positive")],
        setup=[AddConstraintNotValid("book", PAGES)],
    ),
    Case(
        "check_replaced",
        "a CHECK replaced by one that forbids less",
        [
            RemoveConstraint("book", "book_pages_positive"),
            AddConstraint(
                "book",
                models.CheckConstraint(
                    condition=models.Q(pages__gte=-100), name="book_pages_positive"
                ),
            ),
        ],
        setup=[
            AddConstraint(
                "book",
                models.CheckConstraint(
                    condition=models.Q(pages__gte=-10), name="book_pages_positive"
                ),
            )
        ],
    ),
    Case(
        "check_on_new_field",
        "a column and a CHECK on it",
        [
            AddField("book", "stars", models.IntegerField(null=True)),
            AddConstraint(
                "book",
                models.CheckConstraint(condition=models.Q(stars__lte=5), name="book_stars_five"),
            ),
        ],
    ),
    Case(
        "check_on_new_model",
        "a table with a CHECK, added in the same migration",
        [
            CreateModel("Review", [key(), ("stars", models.IntegerField())]),
            AddConstraint(
                "review",
                models.CheckConstraint(condition=models.Q(stars__lte=5), name="review_stars_five"),
            ),
        ],
    ),
    Case("check_not_atomic", "a CHECK, atomic=False", [AddConstraint("book", PAGES)], atomic=False),
    Case(
        "check_small_table",
        "a CHECK on a table of a few rows",
        [
            AddConstraint(
                "format", models.CheckConstraint(condition=~models.Q(name=""), name="format_named")
            ),
        ],
        explained={
            "may-fail": "no row of the corpus breaks it; another database may have one",
        },
    ),
    Case("unique", "UNIQUE", [AddConstraint("order", NUMBER)]),
    Case(
        "unique_two_columns",
        "UNIQUE of two columns",
        [
            AddConstraint(
                "orderline", models.UniqueConstraint(fields=["order", "book"], name="line_once")
            ),
        ],
    ),
    Case(
        "unique_partial",
        "UNIQUE with a condition is an index: reads go on",
        [
            AddConstraint(
                "order",
                models.UniqueConstraint(
                    fields=["number"], condition=models.Q(status="paid"), name="order_number_paid"
                ),
            ),
        ],
    ),
    Case(
        "unique_lower",
        "UNIQUE of an expression is an index",
        [
            AddConstraint("book", models.UniqueConstraint(Lower("title"), name="book_title_once")),
        ],
    ),
    Case(
        "unique_include",
        "UNIQUE with further columns is an index",
        [
            AddConstraint(
                "order",
                models.UniqueConstraint(
                    fields=["number"], include=["status"], name="order_number_inc"
                ),
            ),
        ],
    ),
    Case(
        "unique_deferrable",
        "UNIQUE, deferrable",
        [
            AddConstraint(
                "order",
                models.UniqueConstraint(
                    fields=["number"],
                    deferrable=models.Deferrable.DEFERRED,
                    name="order_number_def",
                ),
            ),
        ],
    ),
    Case(
        "unique_nulls_not_distinct",
        "UNIQUE, nulls not distinct",
        [
            AddConstraint(
                "order",
                models.UniqueConstraint(
                    fields=["number", "room"], nulls_distinct=False, name="order_number_nulls"
                ),
            ),
        ],
    ),
    Case(
        "unique_removed",
        "UNIQUE removed: upserts break",
        [RemoveConstraint("orderline", "line_once")],
        setup=[
            AddConstraint(
                "orderline", models.UniqueConstraint(fields=["id", "order"], name="line_once")
            )
        ],
    ),
    Case(
        "unique_partial_removed",
        "UNIQUE with a condition removed",
        [RemoveConstraint("order", "order_paid_once")],
        setup=[
            AddConstraint(
                "order",
                models.UniqueConstraint(
                    fields=["id"], condition=models.Q(status="paid"), name="order_paid_once"
                ),
            )
        ],
    ),
    Case(
        "unique_together_added",
        "unique_together",
        [
            AlterUniqueTogether("orderline", {("order", "book")}),
        ],
    ),
    Case(
        "unique_together_removed",
        "unique_together removed",
        [
            AlterUniqueTogether("orderline", set()),
        ],
        setup=[AlterUniqueTogether("orderline", {("id", "order")})],
    ),
    Case(
        "unique_together_of_new_field",
        "a column, and unique_together with it",
        [
            AddField("orderline", "position", models.IntegerField(null=True)),
            AlterUniqueTogether("orderline", {("order", "position")}),
        ],
    ),
    Case(
        "unique_together_on_new_model",
        "unique_together of a new table",
        [
            CreateModel(
                "Vote", [key(), ("a", models.IntegerField()), ("b", models.IntegerField())]
            ),
            AlterUniqueTogether("vote", {("a", "b")}),
        ],
    ),
    Case(
        "unique_not_atomic", "UNIQUE, atomic=False", [AddConstraint("order", NUMBER)], atomic=False
    ),
    Case(
        "exclude",
        "EXCLUDE on a range",
        [
            AddConstraint(
                "order", ExclusionConstraint(name="order_periods", expressions=[("period", "&&")])
            ),
        ],
    ),
    Case(
        "exclude_partial",
        "EXCLUDE with a condition",
        [
            AddConstraint(
                "order",
                ExclusionConstraint(
                    name="order_periods",
                    expressions=[("period", "&&")],
                    condition=models.Q(status="paid"),
                ),
            ),
        ],
    ),
    Case(
        "exclude_removed",
        "EXCLUDE removed",
        [RemoveConstraint("order", "order_first")],
        setup=[
            AddConstraint(
                "order",
                ExclusionConstraint(
                    name="order_first", expressions=[("period", "&&")], condition=models.Q(id__lt=5)
                ),
            )
        ],
    ),
    Case(
        "check_long_name",
        "a CHECK with a name of 63 letters",
        [
            AddConstraintNotValid("book", SHORT),
        ],
    ),
]
