from __future__ import annotations

import json

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backfills.witnessed import WitnessedTable
from zero_downtime.backfills import controls, registry
from zero_downtime.errors import Refused, UnknownName
from zero_downtime.models import Backfill

pytestmark = pytest.mark.usefixtures("own_tables")


def test_registering_twice_is_registering_once(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(100)
    table.pg.execute("ANALYZE t")
    first = registry.register(connection, "shop.0003", "t")
    table.insert(0)
    assert (first.status, first.rows_done, first.rows_estimated) == ("pending", 0, 100)
    Backfill.objects.filter(pk=first.pk).update(status="running", cursor="5", rows_done=5)
    again = registry.register(connection, "shop.0003", "t")
    assert (again.pk, again.status, again.cursor) == (first.pk, "running", "5")


def test_a_table_that_cannot_be_walked_is_refused_before_it_is_registered(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.pg.execute("CREATE TABLE unwalkable (a integer, b integer)")
    with pytest.raises(Refused, match=r'Table "unwalkable" has no primary key'):
        registry.register(connection, "shop.0003", "unwalkable")
    assert Backfill.objects.count() == 0


def test_starting_over_forgets_everything_but_the_name(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    backfill = registry.register(connection, "shop.0003", "t")
    fresh = Backfill.objects.values().get()
    Backfill.objects.update(
        status="succeeded",
        cursor="9",
        last_key="9",
        rows_done=9,
        seconds_running=9.5,
        verified=False,
        error="x",
        finished_at=backfill.created_at,
    )
    backfill.refresh_from_db()
    controls.start_over(connection, backfill)
    assert Backfill.objects.values().get() == fresh


def test_unregistering(connection: BaseDatabaseWrapper, table: WitnessedTable) -> None:
    for name in ("shop.0003", "shop.0004"):
        registry.register(connection, name, "t")
    registry.unregister(connection, "shop.0003")
    registry.unregister(connection, "shop.0003")
    assert [each.name for each in registry.select(connection, [])] == ["shop.0004"]


def test_selecting_by_name_and_by_birth(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    for name in ("shop.b", "shop.a", "shop.c"):
        registry.register(connection, name, "t")

    def names(*wanted: str) -> list[str]:
        return [each.name for each in registry.select(connection, list(wanted))]

    assert names() == ["shop.b", "shop.a", "shop.c"]
    assert names("shop.c", "shop.b") == ["shop.c", "shop.b"]


def test_a_name_that_does_not_exist(connection: BaseDatabaseWrapper, table: WitnessedTable) -> None:
    for name in ("shop.0003_rename_name_backfill", "blog.0002_fill_slug"):
        registry.register(connection, name, "t")
    with pytest.raises(UnknownName) as unknown:
        registry.select(connection, ["blog.0002_fill_slug", "shop.0003_rename_nam"])
    assert str(unknown.value) == (
        "There is no backfill 'shop.0003_rename_nam'. "
        "Did you mean 'shop.0003_rename_name_backfill'?"
    )
    assert unknown.value.returncode == 2


def test_a_name_where_there_is_none(connection: BaseDatabaseWrapper) -> None:
    with pytest.raises(UnknownName, match=r"There is no backfill 'x'. There is none."):
        registry.select(connection, ["x"])


def test_the_listing_of_a_new_backfill(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(10)
    table.pg.execute("ANALYZE t")
    backfill = registry.register(connection, "shop.0003", "t")
    assert json.loads(json.dumps(registry.listing(connection, [backfill]))) == {
        "version": 1,
        "backfills": [
            {
                "name": "shop.0003",
                "database": "default",
                "table": "t",
                "status": "pending",
                "rows_done": 0,
                "rows_estimated": 10,
                "rate": None,
                "eta_seconds": None,
                "workers": 0,
                "throttled_by": None,
                "failed_batches": 0,
                "verified": None,
            }
        ],
    }


@pytest.mark.parametrize(
    ("state", "rate", "eta_seconds"),
    [
        ({"status": "running", "rows_done": 0, "seconds_running": 0.5}, 0.0, None),
        ({"status": "running", "rows_done": 300, "seconds_running": 2.0}, 150.0, 5),
        ({"status": "running", "rows_done": 1200, "seconds_running": 4.0}, 300.0, 0),
        ({"status": "failed", "rows_done": 500, "seconds_running": 10.0}, 50.0, 10),
        ({"status": "succeeded", "rows_done": 900, "seconds_running": 3.0}, 300.0, 0),
    ],
)
def test_rate_and_time_left(
    connection: BaseDatabaseWrapper, state: dict[str, object], rate: float, eta_seconds: int | None
) -> None:
    backfill = Backfill(name="shop.0003", table="t", rows_estimated=1000, pk=1, **state)
    listed = registry.Listed.of(connection, backfill)
    assert (listed.rate, listed.eta_seconds) == (rate, eta_seconds)
