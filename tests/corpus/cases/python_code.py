"""RunPython."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models, transaction
from django.db.migrations import RunPython

from tests.corpus.case import Case


def read_only(apps: Any, schema_editor: Any) -> None:
    Book = apps.get_model("store", "Book")
    if not Book.objects.filter(pk=1).exists():
        print("there are no books")


def count_all(apps: Any, schema_editor: Any) -> None:
    assert apps.get_model("store", "Book").objects.count() >= 0


def update_all(apps: Any, schema_editor: Any) -> None:
    apps.get_model("store", "Book").objects.update(language="de")


def update_filtered(apps: Any, schema_editor: Any) -> None:
    Book = apps.get_model("store", "Book")
    Book.objects.filter(in_print=True).update(language="de")


def update_expression(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("store", "Order")
    Order.objects.using(schema_editor.connection.alias).update(room=models.F("room") + 1)


def update_by_key(apps: Any, schema_editor: Any) -> None:
    apps.get_model("store", "Book").objects.filter(pk__in=[1, 2, 3]).update(language="de")


def save_one(apps: Any, schema_editor: Any) -> None:
    book = apps.get_model("store", "Book").objects.order_by("pk").first()
    if book:
        book.language = "de"
        book.save(update_fields=["language"])


def save_in_loop(apps: Any, schema_editor: Any) -> None:
    Customer = apps.get_model("store", "Customer")
    for customer in Customer.objects.all():
        customer.city = customer.city.upper()
        customer.save()


def save_in_loop_with_iterator(apps: Any, schema_editor: Any) -> None:
    Customer = apps.get_model("store", "Customer")
    for customer in Customer.objects.iterator(chunk_size=1000):
        customer.points = customer.points + 1
        customer.save(update_fields=["points"])


def bulk_update_all(apps: Any, schema_editor: Any) -> None:
    Tag = apps.get_model("store", "Order")
    orders = list(Tag.objects.all())
    for order in orders:
        order.room += 1
    Tag.objects.bulk_update(orders, ["room"], batch_size=2000)


def update_in_batches(apps: Any, schema_editor: Any) -> None:
    Book = apps.get_model("store", "Book")
    last = 0
    while keys := list(
        Book.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:2000]
    ):
        Book.objects.filter(pk__in=keys).update(language="de")
        last = keys[-1]


def update_in_small_transactions(apps: Any, schema_editor: Any) -> None:
    Book = apps.get_model("store", "Book")
    last = 0
    while keys := list(
        Book.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:2000]
    ):
        with transaction.atomic():
            Book.objects.filter(pk__in=keys).update(language="de")
        last = keys[-1]


def delete_all(apps: Any, schema_editor: Any) -> None:
    apps.get_model("store", "Address").objects.all().delete()


def delete_few(apps: Any, schema_editor: Any) -> None:
    apps.get_model("store", "Address").objects.filter(pk__lte=3).delete()


def get_or_create(apps: Any, schema_editor: Any) -> None:
    Format = apps.get_model("store", "Format")
    for name in ("Hardcover", "Paperback"):
        Format.objects.get_or_create(name=name)


def create_few(apps: Any, schema_editor: Any) -> None:
    Tag = apps.get_model("store", "Tag")
    Tag.objects.create(label="rare")
    Tag.objects.bulk_create([Tag(label="signed"), Tag(label="first")])


def bulk_create_from_all(apps: Any, schema_editor: Any) -> None:
    Book, Tag = apps.get_model("store", "Book"), apps.get_model("store", "Tag")
    Tag.objects.bulk_create(
        [Tag(label=title[:40]) for title in Book.objects.values_list("title", flat=True)]
    )


def through_rows(apps: Any, schema_editor: Any) -> None:
    Book, Tag = apps.get_model("store", "Book"), apps.get_model("store", "Tag")
    book, tag = Book.objects.order_by("-pk").first(), Tag.objects.first()
    if book and tag:
        book.tags.add(tag)


def ddl(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("CREATE INDEX ix ON store_book (pages)")


def drop_ddl(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("DROP INDEX ix")


def ddl_by_cursor(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("ALTER TABLE store_order ALTER COLUMN room TYPE bigint")


def sql_by_cursor(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("UPDATE store_order SET room = 1")


def add_field_by_editor(apps: Any, schema_editor: Any) -> None:
    field = models.IntegerField(null=True)
    field.set_attributes_from_name("stars")
    schema_editor.add_field(apps.get_model("store", "Book"), field)


def nothing(apps: Any, schema_editor: Any) -> None:
    pass


def other_vendor_only(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor != "postgresql":
        apps.get_model("store", "Book").objects.update(language="de")


def _helper(Book: Any) -> None:
    Book.objects.update(language="de")


def update_in_helper(apps: Any, schema_editor: Any) -> None:
    _helper(apps.get_model("store", "Book"))


def _case(
    name: str,
    what: str,
    code: Callable[..., None],
    back: Callable[..., None] | None = RunPython.noop,
    *,
    atomic: bool = True,
    **explained: str,
) -> Case:
    return Case(
        f"python_{name}",
        what,
        [RunPython(code, back)],
        atomic=atomic,
        explained={name.replace("_", "-"): why for name, why in explained.items()},
    )


CASES = [
    _case("read_only", "looks at one row", read_only),
    _case("count_all", "counts the rows", count_all),
    _case("update_all", "update() of a whole table", update_all),
    _case(
        "update_all_not_atomic", "update() of a whole table, atomic=False", update_all, atomic=False
    ),
    _case("update_filtered", "update() of all rows that a filter leaves", update_filtered),
    _case("update_expression", "update() with F() on another alias", update_expression),
    _case("update_by_key", "update() of three rows by key", update_by_key),
    _case("save_one", "one row saved", save_one),
    _case("save_in_loop", "save() in a loop over a table", save_in_loop),
    _case(
        "save_in_loop_not_atomic",
        "save() in a loop over a table, atomic=False",
        save_in_loop,
        atomic=False,
    ),
    _case(
        "save_in_loop_with_iterator", "save() in a loop over iterator()", save_in_loop_with_iterator
    ),
    _case("bulk_update_all", "bulk_update() of a whole table", bulk_update_all),
    _case("update_in_batches_atomic", "batches, all in one transaction", update_in_batches),
    _case("update_in_batches", "batches, atomic=False", update_in_batches, atomic=False),
    _case(
        "update_in_small_transactions",
        "batches with transaction.atomic(), atomic=False",
        update_in_small_transactions,
        atomic=False,
    ),
    _case(
        "update_in_savepoints",
        "batches with transaction.atomic() in one transaction",
        update_in_small_transactions,
    ),
    _case("delete_all", "delete() of a whole table", delete_all),
    _case("delete_few", "delete() of three rows by key", delete_few),
    _case("get_or_create", "two rows made unless there", get_or_create),
    _case("create_few", "three rows made", create_few),
    _case("bulk_create_from_all", "a row made for each of another table", bulk_create_from_all),
    _case("through_rows", "a row of a ManyToManyField made", through_rows),
    _case("ddl", "DDL by the schema editor", ddl, drop_ddl),
    _case("ddl_by_cursor", "DDL by a cursor", ddl_by_cursor),
    _case("sql_by_cursor", "UPDATE by a cursor", sql_by_cursor),
    _case("add_field_by_editor", "add_field() of the schema editor", add_field_by_editor),
    _case("nothing", "a function that does nothing", nothing),
    _case("noop", "RunPython.noop", RunPython.noop),
    _case("no_way_back", "no reverse code", nothing, None),
    _case("update_no_way_back", "update() without reverse code", update_all, None),
    _case(
        "other_vendor_only",
        "for another database only",
        other_vendor_only,
    ),
    _case("update_in_helper", "update() in a helper of the module", update_in_helper),
]
