"""What a data migration does is read from its source; nothing here is called."""

from __future__ import annotations

import ast
import functools
import sysconfig
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.core.management import call_command
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils.functional import SimpleLazyObject

from example_project.shop.models import Order
from tests.lint.helpers_of_data_migrations import (
    ARCHIVE,
    blank_notes,
    in_chunks,
    logged,
    logged_carelessly,
)
from zero_downtime.lint.python_code import (
    Access,
    Blindness,
    Extent,
    Kind,
    PythonCode,
    read,
    read_function,
)

ORDER = ("shop", "order")
CUSTOMER = ("shop", "customer")
STATUSES = {"new": "open", "done": "closed"}


def writes(code: Callable[..., Any]) -> list[tuple[str, Any, Extent]]:
    """Return method, model and extent of what a function writes."""
    return [(each.operation, each.model, each.extent) for each in read(code).of_kind(Kind.WRITE)]


def only(accesses: tuple[Access, ...]) -> Access:
    [access] = accesses
    return access


# Everything at once


def update_everything(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "Order").objects.update(note="")


def update_by_condition(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop.Order")
    Order.objects.using(schema_editor.connection.alias).filter(status="new").update(note="")


def update_by_each_of_a_few_conditions(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model(app_label="shop", model_name="order")
    for old, new in STATUSES.items():
        Order._base_manager.filter(status=old).update(status=new)


def update_of_a_queryset_with_a_name(apps: Any, schema_editor: Any) -> None:
    orders = apps.get_model("shop", "Order").all_objects.all()
    unpaid = orders.exclude(status="paid").order_by("pk")
    unpaid.update(note="unpaid")


def update_of_what_may_be_narrowed(apps: Any, schema_editor: Any) -> None:
    orders = apps.get_model("shop", "Order").objects.all()
    if schema_editor.connection.alias == "small":
        orders = orders.filter(pk=1)
    orders.update(note="")


def update_by_keys_of_everything(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    ids = [order.pk for order in Order.objects.all()]
    Order.objects.filter(pk__in=ids).update(note="")


def update_in_bulk(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    orders = []
    for order in Order.objects.iterator():
        order.note = ""
        orders.append(order)
    Order.objects.bulk_update(orders, ["note"], batch_size=100)


def update_per_row_in_one_transaction(apps: Any, schema_editor: Any) -> None:
    with transaction.atomic():
        for order in apps.get_model("shop", "Order").objects.iterator():
            order.save(update_fields=["note"])


@transaction.atomic
def update_per_row_in_a_decorated_function(apps: Any, schema_editor: Any) -> None:
    for order in apps.get_model("shop", "Order").objects.iterator():
        order.save()


def update_in_a_helper_elsewhere(apps: Any, schema_editor: Any) -> None:
    blank_notes(apps.get_model("shop", "Order").objects.filter(note=None))


update_in_a_lambda = lambda apps, schema_editor: (  # noqa: E731
    apps.get_model("shop", "Order").objects.update(note=F("status"))
)


def update_model(apps: Any, schema_editor: Any, name: str) -> None:
    apps.get_model("shop", name).objects.update(note="")


update_by_partial = functools.partial(update_model, name="Order")


def updating(name: str) -> Callable[[Any, Any], None]:
    def update(apps: Any, schema_editor: Any) -> None:
        update_model(apps, schema_editor, name)

    return update


class Updater:
    """Both of these are given to RunPython."""

    def update(self, apps: Any, schema_editor: Any) -> None:
        update_model(apps, schema_editor, "Order")

    def __call__(self, apps: Any, schema_editor: Any) -> None:
        update_model(apps, schema_editor, "Order")


class Heir(Updater):
    """It is called by what it inherits."""


@logged
def update_with_a_decorator(apps: Any, schema_editor: Any) -> None:
    update_model(apps, schema_editor, "Order")


@logged_carelessly
def update_with_a_decorator_that_does_not_say_so(apps: Any, schema_editor: Any) -> None:
    update_model(apps, schema_editor, "Order")


BOTH = [lambda apps, editor: update_everything(apps, editor), lambda orders: blank_notes(orders)]


@pytest.mark.parametrize(
    "code",
    [
        update_everything,
        update_by_condition,
        update_by_each_of_a_few_conditions,
        update_of_a_queryset_with_a_name,
        update_of_what_may_be_narrowed,
        update_by_keys_of_everything,
        update_in_bulk,
        update_per_row_in_one_transaction,
        update_per_row_in_a_decorated_function,
        update_in_a_helper_elsewhere,
        update_in_a_lambda,
        update_by_partial,
        updating("Order"),
        Updater().update,
        Updater(),
        Heir(),
        functools.cache(update_everything),
        BOTH[0],
        update_with_a_decorator,
        update_with_a_decorator_that_does_not_say_so,
    ],
)
def test_a_write_of_all_rows_at_once(code: Callable[..., Any]) -> None:
    [(_, model, extent)] = writes(code)

    assert model == ORDER
    assert extent is Extent.ALL


# Everything, a few rows at a time


def save_each(apps: Any, schema_editor: Any) -> None:
    for order in apps.get_model("shop", "Order").objects.all():
        order.save()


def delete_some_of_all(apps: Any, schema_editor: Any) -> None:
    for order in apps.get_model("shop", "Order").objects.select_related("customer"):
        if not order.customer.name:
            order.delete()


def update_the_row_of_each(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    for pk, status in Order.objects.values_list("pk", "status"):
        Order.objects.filter(pk=pk).update(note=status)


def update_those_of_each_customer(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    for customer in apps.get_model("shop", "Customer").objects.all():
        Order.objects.filter(customer=customer).update(note=customer.name)


def update_while_some_are_left(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    while True:
        ids = list(Order.objects.filter(note=None).values_list("pk", flat=True)[:1000])
        if not ids:
            break
        Order.objects.filter(pk__in=ids).update(note="")


def update_ranges_of_keys(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    last = Order.objects.latest("pk").pk
    for start in range(0, last, 1000):
        Order.objects.filter(pk__gte=start, pk__lt=start + 1000).update(note="")


def update_slices(apps: Any, schema_editor: Any) -> None:
    orders = apps.get_model("shop", "Order").objects.order_by("pk")
    for start in range(0, orders.count(), 1000):
        with transaction.atomic():
            for order in orders[start : start + 1000]:
                order.save()


def update_pages(apps: Any, schema_editor: Any) -> None:
    paginator = Paginator(apps.get_model("shop", "Order").objects.order_by("pk"), 1000)
    for number in paginator.page_range:
        for order in paginator.page(number).object_list:
            order.save()


def update_lists_that_are_begun_anew(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    batch: list[Any] = []
    for order in Order.objects.iterator(chunk_size=500):
        batch.append(order)
        if len(batch) >= 500:
            with transaction.atomic():
                Order.objects.bulk_update(batch, ["note"])
            batch = []


def update_parts_of_an_iterator(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    orders = Order.objects.iterator()
    while batch := list(islice(orders, 500)):
        Order.objects.bulk_update(batch, ["note"])


def update_chunks_of_a_generator(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    for chunk in in_chunks(Order.objects.all(), 500):
        Order.objects.bulk_update(chunk, ["note"])


def update_by_what_was_collected(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    by_status = defaultdict(list)
    for order in Order.objects.iterator():
        by_status[order.status].append(order)
    for orders in by_status.values():
        for order in orders:
            order.save()


def add_to_relations(apps: Any, schema_editor: Any) -> None:
    for order in apps.get_model("shop", "Order").objects.iterator():
        order.tags.add(order.tag)


@pytest.mark.parametrize(
    "code",
    [
        save_each,
        delete_some_of_all,
        update_the_row_of_each,
        update_those_of_each_customer,
        update_while_some_are_left,
        update_ranges_of_keys,
        update_slices,
        update_pages,
        update_lists_that_are_begun_anew,
        update_parts_of_an_iterator,
        update_chunks_of_a_generator,
        update_by_what_was_collected,
        add_to_relations,
    ],
)
def test_a_write_of_all_rows_with_a_commit_for_a_few(code: Callable[..., Any]) -> None:
    [(_, model, extent)] = writes(code)

    assert model in (ORDER, None)
    assert extent is Extent.BATCHES


def copy_rows(apps: Any, schema_editor: Any) -> None:
    Customer = apps.get_model("shop", "Customer")
    orders = apps.get_model("shop", "Order").objects.iterator()
    Customer.objects.bulk_create([Customer(name=order.note) for order in orders])


def test_a_write_says_what_it_is_made_from() -> None:
    access = only(read(copy_rows).of_kind(Kind.WRITE))

    assert (access.model, access.extent, access.source) == (CUSTOMER, Extent.ALL, ORDER)


# A few rows


def create_one(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "Order").objects.create(number=1)


def create_by_save(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    order = Order(number=1)
    order.save()


def create_some(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    Order.objects.bulk_create([Order(number=number) for number in (1, 2, 3)])


def create_what_is_missing(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    for status in STATUSES:
        Order.objects.get_or_create(status=status)


def create_by_another_name(apps: Any, schema_editor: Any) -> None:
    create = apps.get_model("shop", "Order").objects.create
    create(number=1)


def update_by_key(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "Order").objects.filter(pk=1).update(note="")


def update_by_keys(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "Order").objects.filter(id__in=[1, 2, 3]).update(note="")


def update_the_first_keys(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", "Order").objects.filter(pk__lte=10).update(note="")


def update_the_first(apps: Any, schema_editor: Any) -> None:
    order = apps.get_model("shop", "Order").objects.filter(note="").first()
    if order is not None:
        order.save()


def delete_ten(apps: Any, schema_editor: Any) -> None:
    for order in apps.get_model("shop", "Order").objects.order_by("-pk")[:10]:
        order.delete()


@pytest.mark.parametrize(
    "code",
    [
        create_one,
        create_by_save,
        create_some,
        create_what_is_missing,
        create_by_another_name,
        update_by_key,
        update_by_keys,
        update_the_first_keys,
        update_the_first,
        delete_ten,
    ],
)
def test_a_write_of_a_few_rows(code: Callable[..., Any]) -> None:
    [(_, model, extent)] = writes(code)

    assert model == ORDER
    assert extent is Extent.FEW


# Nothing, as far as PostgreSQL and rows are concerned


def do_nothing(apps: Any, schema_editor: Any) -> None:
    pass


def leave_postgres_alone(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        return
    apps.get_model("shop", "Order").objects.update(note="")


def leave_all_but_others_alone(apps: Any, schema_editor: Any) -> None:
    if connection.vendor in ("sqlite", "mysql"):
        apps.get_model("shop", "Order").objects.update(note="")


def leave_postgres_alone_by_its_first_letters(apps: Any, schema_editor: Any) -> None:
    if not schema_editor.connection.vendor.startswith("postgres"):
        apps.get_model("shop", "Order").objects.update(note="")


def change_values_of_rows(apps: Any, schema_editor: Any) -> None:
    for order in apps.get_model("shop", "Order").objects.iterator():
        order.config.update({"colour": "red"})
        order.config["size"].setdefault("width", 1)


@pytest.mark.parametrize(
    "code",
    [
        do_nothing,
        leave_postgres_alone,
        leave_all_but_others_alone,
        leave_postgres_alone_by_its_first_letters,
        change_values_of_rows,
    ],
)
def test_nothing_is_written(code: Callable[..., Any]) -> None:
    assert not writes(code)
    assert not read(code).opaque


# Reading


def list_all(apps: Any, schema_editor: Any) -> None:
    list(apps.get_model("shop", "Order").objects.all())


def iterate_over_all(apps: Any, schema_editor: Any) -> None:
    for order in apps.get_model("shop", "Order").objects.exclude(status="new"):
        print(order.pk)


def ask_a_queryset_for_its_truth(apps: Any, schema_editor: Any) -> None:
    orders = apps.get_model("shop", "Order").objects.all()
    if not orders:
        return


def use_a_dict_of_all(apps: Any, schema_editor: Any) -> None:
    print({order.pk: order for order in apps.get_model("shop", "Order").objects.all()})


@pytest.mark.parametrize(
    "code", [list_all, iterate_over_all, ask_a_queryset_for_its_truth, use_a_dict_of_all]
)
def test_all_rows_are_loaded_into_memory(code: Callable[..., Any]) -> None:
    access = only(read(code).accesses)

    assert (access.kind, access.model, access.extent) == (Kind.LOAD, ORDER, Extent.ALL)


def stream_all(apps: Any, schema_editor: Any) -> None:
    for order in apps.get_model("shop", "Order").objects.iterator():
        print(order.pk)


def count_all(apps: Any, schema_editor: Any) -> None:
    print(apps.get_model("shop", "Order").objects.count())


def look_for_one(apps: Any, schema_editor: Any) -> None:
    if apps.get_model("shop", "Order").objects.filter(Q(note="") | Q(note=None)).exists():
        raise ValueError


@pytest.mark.parametrize("code", [stream_all, count_all, look_for_one])
def test_all_rows_are_read(code: Callable[..., Any]) -> None:
    access = only(read(code).accesses)

    assert (access.kind, access.extent) == (Kind.READ, Extent.ALL)


def ask_whether_there_are_any(apps: Any, schema_editor: Any) -> None:
    print(apps.get_model("shop", "Order").objects.exists())


def get_one(apps: Any, schema_editor: Any) -> None:
    print(apps.get_model("shop", "Order").objects.get(pk=1).note)


@pytest.mark.parametrize("code", [ask_whether_there_are_any, get_one])
def test_a_few_rows_are_read(code: Callable[..., Any]) -> None:
    access = only(read(code).accesses)

    assert (access.kind, access.extent) == (Kind.READ, Extent.FEW)


def test_a_condition_is_told_though_not_how_many_rows_meet_it() -> None:
    assert only(read(update_by_condition).accesses).filtered
    assert not only(read(update_everything).accesses).filtered


# Models of the code


def use_an_imported_model(apps: Any, schema_editor: Any) -> None:
    Order.objects.update(status="")


def import_a_model(apps: Any, schema_editor: Any) -> None:
    from example_project.shop.models import Order as TodaysOrder

    TodaysOrder(status="new").save()


def ask_the_wrong_registry(apps: Any, schema_editor: Any) -> None:
    from django.apps import apps as todays_apps

    todays_apps.get_model("shop", "Order").objects.create(status="new")


@pytest.mark.parametrize("code", [use_an_imported_model, import_a_model, ask_the_wrong_registry])
def test_a_model_that_is_not_the_migrations_own(code: Callable[..., Any]) -> None:
    access = only(read(code).of_kind(Kind.WRITE))

    assert access.imported
    assert access.model == ORDER


def load_when_asked() -> Any:
    raise AssertionError("Reading must not run anything.")


LAZY = SimpleLazyObject(load_when_asked)


def use_what_is_lazy(apps: Any, schema_editor: Any) -> None:
    from tests.lint.test_python_code import LAZY as imported

    imported.update(note="")
    LAZY.update(note="")


def test_nothing_is_run_that_is_lazy() -> None:
    assert not read(use_what_is_lazy).accesses


def test_a_model_of_the_migration() -> None:
    assert not only(read(update_everything).accesses).imported


# SQL and schema changes


def execute_by_cursor(apps: Any, schema_editor: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shop_order SET note = %s", [""])


def execute_by_schema_editor(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(ARCHIVE)


def execute_what_is_partly_known(apps: Any, schema_editor: Any) -> None:
    table = apps.get_model("shop", "Order")._meta.db_table
    note = Path("note").read_text()
    schema_editor.connection.cursor().execute(f"UPDATE {table} SET note = {note}")


def execute_with_quotes(apps: Any, schema_editor: Any) -> None:
    quote = schema_editor.quote_name
    note = connection.ops.quote_name(name="note")
    schema_editor.execute("UPDATE {} SET {} = ''".format(quote("shop_order"), note))


@pytest.mark.parametrize(
    ("code", "sql"),
    [
        (execute_by_cursor, "UPDATE shop_order SET note = %s"),
        (execute_by_schema_editor, "DELETE FROM shop_order"),
        (execute_what_is_partly_known, "UPDATE shop_order SET note = unknown"),
        (execute_with_quotes, 'UPDATE "shop_order" SET "note" = \'\''),
    ],
)
def test_statements_are_told(code: Callable[..., Any], sql: str) -> None:
    assert only(read(code).accesses).sql == sql


@pytest.mark.parametrize(
    "expression", ["f'UPDATE {t}'", "'UPDATE %s' % t", "'UPDATE {}'.format(t)"]
)
def test_a_name_stands_for_what_is_not_known_of_a_statement(expression: str) -> None:
    code = read_source(f"""
        def forwards(apps, schema_editor):
            t = schema_editor.connection.alias
            schema_editor.execute({expression})
    """)

    assert only(code.accesses).sql == "UPDATE unknown"
    assert code.is_opaque(Blindness.SQL)


def test_it_is_said_whether_a_statement_has_parameters() -> None:
    code = read_source("""
        def forwards(apps, schema_editor):
            schema_editor.execute("SELECT '%%'")
            schema_editor.execute("SELECT '%'", params=None)
            with schema_editor.connection.cursor() as cursor:
                cursor.execute("SELECT %s", [1])
                cursor.execute("SELECT 1")
    """)

    assert [each.has_params for each in code.accesses] == [True, False, True, False]


def alter_a_field(apps: Any, schema_editor: Any) -> None:
    Order = apps.get_model("shop", "Order")
    schema_editor.alter_field(Order, Order._meta.get_field("note"), None)


def migrate(apps: Any, schema_editor: Any) -> None:
    call_command("migrate", "shop")


@pytest.mark.parametrize("code", [alter_a_field, migrate])
def test_schema_changes_are_told(code: Callable[..., Any]) -> None:
    assert only(read(code).accesses).kind is Kind.SCHEMA


# What cannot be seen


def give_models_away(apps: Any, schema_editor: Any) -> None:
    pytest.importorskip(apps)


def compute_a_model(apps: Any, schema_editor: Any) -> None:
    apps.get_model("shop", Path("order").name).objects.update(note="")


def compute_a_statement(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(Path("order.sql").read_text())


@pytest.mark.parametrize(
    ("code", "blindness"),
    [
        (give_models_away, Blindness.CALL),
        (compute_a_model, Blindness.MODEL),
        (compute_a_statement, Blindness.SQL),
        (print, Blindness.SOURCE),
        (Updater, Blindness.SOURCE),
        (eval("lambda apps, schema_editor: None"), Blindness.SOURCE),
    ],
)
def test_what_cannot_be_seen_is_said(code: Callable[..., Any], blindness: Blindness) -> None:
    assert read(code).is_opaque(blindness)


def test_a_write_to_a_computed_model_is_a_write_all_the_same() -> None:
    assert writes(compute_a_model) == [("update", None, Extent.ALL)]


# Where, and how


def test_the_line_is_that_of_the_functions_own_file() -> None:
    code = update_in_a_helper_elsewhere
    access = only(read(code).accesses)

    assert access.line == code.__code__.co_firstlineno + 1
    assert read(code).path == __file__


def read_source(source: str) -> PythonCode:
    return read_function(ast.parse(dedent(source)), "forwards")


def test_a_file_can_be_read_that_was_not_imported() -> None:
    code = read_source("""
        from warehouse.models import Box

        LABELS = ["Box", "Shelf"]

        def relabel(Model):
            Model.objects.update(label="")

        def forwards(apps, schema_editor):
            for name in LABELS:
                relabel(apps.get_model("warehouse", name))
            Box.objects.create()
    """)

    assert [(each.operation, each.model, each.imported) for each in code.accesses] == [
        ("update", ("warehouse", "box"), False),
        ("update", ("warehouse", "shelf"), False),
        ("create", ("warehouse", "box"), True),
    ]


def test_a_function_that_is_not_there_is_opaque() -> None:
    assert read_source("def backwards(apps, schema_editor): ...").is_opaque(Blindness.SOURCE)


def test_going_round_in_circles_ends() -> None:
    code = read_source("""
        A = B
        B = A

        def forwards(apps, schema_editor):
            A.objects.update(note="")
            forwards(apps, schema_editor)
            while True:
                apps.get_model("shop", "Order").objects.first().save()
    """)

    assert [each.operation for each in code.of_kind(Kind.WRITE)] == ["save"]


STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))


@pytest.mark.parametrize("file", ["argparse.py", "typing.py", "dataclasses.py", "sqlite3/dump.py"])
def test_any_python_can_be_read(file: str) -> None:
    tree = ast.parse((STANDARD_LIBRARY / file).read_bytes())
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]

    assert names
    assert all(isinstance(read_function(tree, name), PythonCode) for name in names)
