"""The rows of a batch, and values that Python has computed for them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.postgres import fields as postgres
from django.db import DEFAULT_DB_ALIAS, DataError, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.psycopg_any import NumericRange
from django.db.migrations.state import ModelState
from django.db.models import F, Q
from django.db.utils import ConnectionHandler
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from tests.support.django_database import backend_pid, django_connected_to
from tests.support.models import Model, create_models, define_models, rows_of
from tests.support.sessions import holding
from tests.support.waiting import wait_until_blocked
from zero_downtime.backfills.batch import Batch
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.work import CallPython, CopyColumn, SetField
from zero_downtime.errors import Refused, UnknownName

ID = ("id", models.BigAutoField(primary_key=True))


def item(*fields: tuple[str, models.Field[Any, Any]], **options: Any) -> ModelState:
    return ModelState("stock", "Item", [ID, *fields], options)


def batch_of(
    connection: BaseDatabaseWrapper, model: Model, after: str | None = None, upto: str = "999"
) -> Batch:
    table = Key.of(connection, model._meta.db_table)
    return Batch.of(model, connection, table, KeyRange(after, upto, 99))


class Flag(models.TextField):  # type: ignore[type-arg]
    """A field of somebody else's, which keeps a truth as "yes" or "no"."""

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> str:
        return "yes" if value else "no"


class Secret(models.TextField):  # type: ignore[type-arg]
    """A field whose value goes through a function of SQL."""

    def get_placeholder_sql(self, value: Any, compiler: Any, connection: Any) -> Any:
        return "md5(%s)", (value,)

    get_placeholder = get_placeholder_sql


VALUES: list[tuple[models.Field[Any, Any], list[Any]]] = [
    (models.TextField(null=True), ["", "a\\'\"{},\n%s %", "NULL", "😀", None]),
    (models.CharField(max_length=3), ["abc", "ab ", ""]),
    (models.IntegerField(), [-1, "7", 2**31 - 1]),
    (models.BooleanField(null=True), [True, False, None]),
    (models.FloatField(), [0.1 + 0.2, float("inf"), -1e-300]),
    (models.DecimalField(max_digits=20, decimal_places=4), [Decimal("0.0001"), "9999999999.5"]),
    (models.DateField(), [date(1, 1, 1), "2024-02-29"]),
    (models.TimeField(), [time(23, 59, 59, 999999)]),
    (models.DateTimeField(), [datetime(2024, 3, 31, 2, 30, 0, 1, tzinfo=UTC)]),
    (models.DurationField(), [timedelta(days=-1, microseconds=1), timedelta(days=400)]),
    (models.UUIDField(), [uuid.UUID(int=5), "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    (models.BinaryField(null=True), [b"", b"\x00\xff'\\", None]),
    (models.GenericIPAddressField(null=True), ["10.0.0.1", "::1", None]),
    (models.JSONField(null=True), [{"a": [1, None, "x\"'"]}, [], "text", 5, True, None]),
    (postgres.ArrayField(models.TextField(null=True)), [[], ["a,b", None, '{"}', ""]]),
    (postgres.ArrayField(postgres.ArrayField(models.IntegerField())), [[[1, 2], [3, 4]], []]),
    (postgres.IntegerRangeField(null=True), [NumericRange(1, 5), NumericRange(None, 3), None]),
    (Flag(), [True, False]),
]


@pytest.mark.parametrize(("field", "values"), VALUES, ids=lambda each: type(each).__name__)
def test_a_value_arrives_as_save_would_write_it(
    connection: BaseDatabaseWrapper,
    pg: psycopg.Connection,
    field: models.Field[Any, Any],
    values: list[Any],
) -> None:
    saved = ("saved", field.clone())
    written = ("written", field.clone())
    state = item(saved, written)
    saved[1].null = written[1].null = True
    (model,) = create_models(connection, state)
    for number, value in enumerate(values, start=1):
        model._base_manager.create(pk=number, saved=value, written=values[0])

    rows = {number: {"written": value} for number, value in enumerate(values, start=1)}
    assert batch_of(connection, model).update_rows(rows) == len(values)

    found = pg.execute("SELECT saved::text, written::text FROM stock_item ORDER BY id").fetchall()
    assert [written for _, written in found] == [saved for saved, _ in found]


KEYS: list[tuple[models.Field[Any, Any], list[Any]]] = [
    (models.IntegerField(), [-1, 5]),
    (models.UUIDField(), [uuid.UUID(int=1), uuid.UUID(int=2)]),
    (models.CharField(max_length=9, db_collation="C"), ["", "a'\"%s", "ä"]),
    (models.DateField(), [date(2024, 1, 1), date(2024, 1, 2)]),
    (models.DateTimeField(), [datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC)]),
    (models.DecimalField(max_digits=9, decimal_places=2), [Decimal("-1.50"), Decimal("7")]),
]


@pytest.mark.parametrize(("field", "keys"), KEYS, ids=lambda each: type(each).__name__)
def test_rows_are_found_by_keys_of_any_type(
    connection: BaseDatabaseWrapper, field: models.Field[Any, Any], keys: list[Any]
) -> None:
    key = field.clone()
    key.primary_key = True
    state = ModelState("stock", "Item", [("code", key), ("name", models.TextField())])
    (model,) = create_models(connection, state)
    model._base_manager.bulk_create(model(pk=key, name="-") for key in keys)
    whole = Key.of(connection, "stock_item").next_range(connection, None, 9)
    assert whole is not None
    batch = Batch.of(model, connection, Key.of(connection, "stock_item"), whole)
    assert batch.update_rows({key: {"name": f"new {key}"} for key in keys}) == len(keys)
    assert {row.pk: row.name for row in batch} == {key: f"new {key}" for key in keys}


TENANTS = ModelState(
    "stock",
    "Item",
    [
        ("pk", models.CompositePrimaryKey("tenant", "code")),
        ("tenant", models.IntegerField(db_column="Tenant id")),
        ("code", models.TextField()),
        ("name", models.TextField(default="-")),
        ("other", models.TextField(default="-")),
    ],
)


@pytest.fixture
def tenants(connection: BaseDatabaseWrapper) -> Model:
    """Items of two tenants, with the codes a, b and c for each."""
    (model,) = create_models(connection, TENANTS)
    for tenant in (1, 2):
        model._base_manager.bulk_create(model(tenant=tenant, code=code) for code in "abc")
    return model


FROM_1B_TO_2A = {"after": '["1", "a"]', "upto": '["2", "a"]'}


def test_a_batch_of_keys_of_two_columns(connection: BaseDatabaseWrapper, tenants: Model) -> None:
    batch = batch_of(connection, tenants, **FROM_1B_TO_2A)
    assert sorted(batch.values_list("pk", flat=True)) == [(1, "b"), (1, "c"), (2, "a")]
    assert batch.filter(code="a").count() == 1
    assert batch_of(connection, tenants, '["1", "a"]', '["1", "b"]').get().pk == (1, "b")
    assert batch_of(connection, tenants, None, '["1", "b"]').count() == 2

    rows = {(1, "c"): {"name": "c"}, (2, "a"): {"name": "a"}}
    assert batch.update_rows(rows) == 2
    assert rows_of(tenants, "name") == ["-", "-", "c", "a", "-", "-"]
    with pytest.raises(Refused, match=r'was given key \["2", "b"\] of stock.Item'):
        batch.update_rows({(2, "b"): {"name": "b"}})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(F("code"), ["-", "b", "c", "a", "-", "-"])],
)
@pytest.mark.parametrize("where", [None, Q(code__in="abc")])
def test_a_field_is_set_along_keys_of_two_columns(
    connection: BaseDatabaseWrapper,
    tenants: Model,
    value: Any,
    expected: list[str],
    where: Q | None,
) -> None:
    work = SetField(connection, tenants, "name", value, where)
    key = Key.of(connection, work.table)
    work.process(connection, key, KeyRange(**FROM_1B_TO_2A, rows=3))
    assert rows_of(tenants, "name") == expected


def test_a_copy_along_keys_of_two_columns(connection: BaseDatabaseWrapper, tenants: Model) -> None:
    tenants._base_manager.update(name=F("code"))
    copy = CopyColumn("stock_item", "name", "other")
    key = Key.of(connection, "stock_item")
    copy.process(connection, key, KeyRange(**FROM_1B_TO_2A, rows=3))
    assert rows_of(tenants, "other") == ["-", "b", "c", "a", "-", "-"]
    differing = copy.differing(connection, key, KeyRange(None, '["2", "b"]', 5), 9)
    assert differing == (2, ['["1", "a"]', '["2", "b"]'])


@pytest.fixture
def items(connection: BaseDatabaseWrapper) -> Model:
    """Items 1 to 6."""
    day = models.DateTimeField(auto_now=True, null=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True, db_column="Part of")
    size = models.CharField(max_length=5, null=True, db_column="The Size")
    (model,) = create_models(
        connection, item(("size", size), ("parent", parent), ("day", day), db_table="All items")
    )
    model._base_manager.bulk_create(model(pk=pk, size="old") for pk in range(1, 7))
    return model


def test_each_set_of_fields_is_one_statement(connection: BaseDatabaseWrapper, items: Model) -> None:
    rows: dict[int, dict[str, Any]] = {
        5: {"size": "five"},
        2: {"parent": items._base_manager.get(pk=4), "size": "two"},
        3: {"size": "three", "parent": items._base_manager.get(pk=1)},
        4: {},
        1: {"parent_id": 6},
    }
    batch = batch_of(connection, items)
    with CaptureQueriesContext(connection) as queries:
        assert batch.update_rows(rows) == 4
    assert [query["sql"].startswith("UPDATE") for query in queries].count(True) == 3
    assert rows_of(items, "size", "parent_id") == [
        ("old", 6),
        ("two", 4),
        ("three", 1),
        ("old", None),
        ("five", None),
        ("old", None),
    ]


def test_nothing_to_write(connection: BaseDatabaseWrapper, items: Model) -> None:
    assert batch_of(connection, items).update_rows({}) == 0
    assert batch_of(connection, items).update_rows({1: {}}) == 0


def test_auto_now_is_not_touched(connection: BaseDatabaseWrapper, items: Model) -> None:
    before = rows_of(items, "day")
    batch_of(connection, items).update_rows({1: {"size": "new"}})
    assert rows_of(items, "day") == before
    then = datetime(2024, 1, 1, tzinfo=UTC)
    batch_of(connection, items).update_rows({1: {"day": then}})
    assert rows_of(items, "day") == [then, *before[1:]]


def test_rows_of_other_batches_are_refused(connection: BaseDatabaseWrapper, items: Model) -> None:
    batch = batch_of(connection, items, "2", "4")
    with pytest.raises(
        Refused,
        match=r"update_rows was given key 5 of stock.Item, which is not in its batch "
        r"\(keys from after 2 to 4\). Give it only rows of the queryset",
    ):
        batch.filter(pk__gt=0).update_rows({3: {"size": "new"}, 5: {"size": "new"}})
    assert rows_of(items, "size") == ["old"] * 6


def test_rows_that_are_gone_are_passed_over(connection: BaseDatabaseWrapper, items: Model) -> None:
    batch = batch_of(connection, items, "2", "4")
    items._base_manager.filter(pk=3).delete()
    assert batch.update_rows({3: {"size": "new"}, 4: {"size": "new"}, 99: {"size": "new"}}) == 1
    assert rows_of(items, "size") == ["old", "old", "new", "old", "old"]


def test_rows_that_where_no_longer_selects_are_written(
    connection: BaseDatabaseWrapper, items: Model
) -> None:
    """What a batch is is a matter of keys: the function may have begun to change its rows."""

    def code(apps: Any, rows: Any) -> None:
        keys = [row.pk for row in rows]
        rows.update(size="new")
        assert rows.update_rows({key: {"size": f"new {key}"} for key in keys}) == 2

    key = Key.of(connection, "All items")
    CallPython(items, code, None, Q(size="old"), None).process(
        connection, key, KeyRange("4", "6", 2)
    )
    assert rows_of(items, "size")[4:] == ["new 5", "new 6"]


@pytest.mark.parametrize(
    ("values", "error", "why"),
    [
        ({"size": F("id")}, Refused, "'size' is an expression.*queryset.update"),
        ({"sise": 1}, UnknownName, "no field of stock.Item 'sise'. Did you mean 'size'"),
        ({"id": 9}, Refused, "stock.Item.id: it belongs to the primary key"),
        ({"item": 9}, Refused, "stock.Item.item: it has no column"),
        ({"size": "longer"}, DataError, "too long for type character varying"),
        ({"parent": "x"}, ValueError, "expected a number"),
    ],
)
def test_what_cannot_be_written(
    connection: BaseDatabaseWrapper,
    items: Model,
    values: dict[str, Any],
    error: type[Exception],
    why: str,
) -> None:
    with pytest.raises(error, match=why):
        batch_of(connection, items).update_rows({1: values})
    assert rows_of(items, "size") == ["old"] * 6


def test_fields_that_are_more_than_a_value_are_refused(connection: BaseDatabaseWrapper) -> None:
    total = models.GeneratedField(
        expression=F("n") + 1, output_field=models.IntegerField(), db_persist=True
    )
    fields = [("n", models.IntegerField()), ("total", total), ("secret", Secret())]
    (model,) = create_models(connection, item(*fields))
    batch = batch_of(connection, model)
    with pytest.raises(Refused, match=r"stock\.Item\.total: the database computes it"):
        batch.update_rows({1: {"total": 5}})
    with pytest.raises(Refused, match=r"stock.Item.secret: .*Use bulk_update\(\)"):
        batch.update_rows({1: {"secret": "x"}})


def test_a_child_of_another_model(connection: BaseDatabaseWrapper) -> None:
    link = models.OneToOneField("stock.Item", models.CASCADE, parent_link=True, primary_key=True)
    child_fields = [("item_ptr", link), ("cook", models.TextField())]
    child_state = ModelState("stock", "Meal", child_fields, bases=("stock.Item",))
    _, child = create_models(connection, item(("name", models.TextField())), child_state)
    for pk in (1, 2, 3):
        child._base_manager.create(pk=pk, name="old", cook="old")
    batch = batch_of(connection, child, "1", "2")
    assert batch.update_rows({2: {"cook": "new"}}) == 1
    assert rows_of(child, "cook") == ["old", "new", "old"]
    with pytest.raises(
        Refused, match=r'it is inherited and lies in table "stock_item"\. Write it '
    ):
        batch.update_rows({2: {"name": "new"}})


def test_a_partitioned_table_whose_key_has_a_column_more_than_the_model(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute(
        """
        CREATE TABLE stock_item (id bigint, day date, name text, PRIMARY KEY (id, day))
            PARTITION BY RANGE (day);
        CREATE TABLE old PARTITION OF stock_item FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE TABLE new PARTITION OF stock_item FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
        INSERT INTO stock_item SELECT n, date '2024-12-29' + n, 'old' FROM generate_series(1, 5) n
        """
    )
    (model,) = define_models(item(("day", models.DateField()), ("name", models.TextField())))
    batch = batch_of(connection, model, '["1", "2024-12-30"]', '["4", "2025-01-02"]')
    assert list(batch.order_by("pk").values_list("pk", flat=True)) == [2, 3, 4]
    assert batch.update_rows({3: {"name": "new"}, 4: {"name": "new"}}) == 2
    assert batch.filter(pk=2).update(name="newer") == 1
    assert rows_of(model, "name") == ["old", "newer", "new", "new", "old"]

    (blind,) = define_models(item(("name", models.TextField())))
    with pytest.raises(Refused, match='Column "day" belongs to the primary key of table "stock_it'):
        batch_of(connection, blind, '["1", "2024-12-30"]', '["4", "2025-01-02"]')


def test_rows_are_locked_in_the_order_of_their_keys(
    connection: BaseDatabaseWrapper, items: Model, pg: psycopg.Connection, database_url: str
) -> None:
    """While the first row is waited for, no other is held: clients cannot wait for each other."""
    started = threading.Event()
    pids: list[int] = []

    def update() -> None:
        with django_connected_to(database_url) as own, transaction.atomic():
            pids.append(backend_pid(own))
            started.set()
            batch_of(own, items).update_rows({pk: {"size": "new"} for pk in (3, 1, 2)})

    with holding(database_url, 'SELECT FROM "All items" WHERE id = 1 FOR UPDATE') as holder:
        thread = threading.Thread(target=update)
        thread.start()
        assert started.wait(20)
        wait_until_blocked(pg, pids[0])
        free = pg.execute('SELECT id FROM "All items" WHERE id < 4 FOR UPDATE SKIP LOCKED')
        assert sorted(key for (key,) in free.fetchall()) == [2, 3]
        holder.rollback()
        thread.join(20)
    assert rows_of(items, "size") == ["new"] * 3 + ["old"] * 3


@pytest.fixture
def sqlite(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """Django's default connection, to an empty database of SQLite."""
    settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "items.sqlite3"}
    usual = connections[DEFAULT_DB_ALIAS]
    connections[DEFAULT_DB_ALIAS] = ConnectionHandler({"default": settings})["default"]
    try:
        with django_db_blocker.unblock():
            yield connections[DEFAULT_DB_ALIAS]
            connections[DEFAULT_DB_ALIAS].close()
    finally:
        connections[DEFAULT_DB_ALIAS] = usual


def test_elsewhere_all_rows_are_one_batch(sqlite: BaseDatabaseWrapper) -> None:
    size, facts = models.CharField(max_length=5), models.JSONField(null=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True)
    (model,) = create_models(sqlite, item(("size", size), ("facts", facts), ("parent", parent)))
    model._base_manager.bulk_create(model(pk=pk, size="old") for pk in range(1, 5))

    def code(apps: Any, rows: Any) -> None:
        assert rows.count() == 3
        written = rows.update_rows(
            {
                2: {"size": "two", "parent": model._base_manager.get(pk=1)},
                3: {"facts": [1], "parent_id": 4},
                99: {"size": "gone"},
            }
        )
        assert written == 2
        with pytest.raises(Refused, match="is an expression"):
            rows.update_rows({2: {"size": F("id")}})

    CallPython(model, code, None, ~Q(pk=4), None).process_all(sqlite)
    assert rows_of(model, "size", "facts", "parent_id") == [
        ("old", None, None),
        ("two", None, 1),
        ("old", [1], 4),
        ("old", None, None),
    ]


def test_elsewhere_a_field_is_set_in_one_go(sqlite: BaseDatabaseWrapper) -> None:
    parent = models.ForeignKey("self", models.CASCADE, null=True)
    (model,) = create_models(sqlite, item(("name", models.TextField()), ("parent", parent)))
    model._base_manager.create(pk=1, name="one")
    model._base_manager.create(pk=2, name="two", parent_id=1)
    work = SetField(sqlite, model, "name", F("parent__name"), Q(parent__isnull=False))
    work.process_all(sqlite)
    assert rows_of(model, "name") == ["one", "one"]
