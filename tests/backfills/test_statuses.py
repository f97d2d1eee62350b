from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Barrier

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.django_database import django_connected_to
from zero_downtime.backfills import registry, statuses
from zero_downtime.backfills.statuses import CHANGES, Status
from zero_downtime.errors import Refused
from zero_downtime.models import Backfill

pytestmark = pytest.mark.usefixtures("own_tables", "table")


def registered(connection: BaseDatabaseWrapper, status: Status = Status.PENDING) -> Backfill:
    backfill = registry.register(connection, "shop.0003", "t")
    Backfill.objects.using(connection.alias).filter(pk=backfill.pk).update(status=status)
    return backfill


@pytest.mark.parametrize(("source", "target"), list(product(Status, Status)))
def test_a_status_follows_another_if_the_table_says_so(
    connection: BaseDatabaseWrapper, source: Status, target: Status
) -> None:
    backfill = registered(connection, source)
    if target in CHANGES[source]:
        assert statuses.change(connection, backfill, target).status == target
    else:
        with pytest.raises(Refused, match=f"is {source}: it cannot become {target}"):
            statuses.change(connection, backfill, target)
    assert Backfill.objects.get().status == (target if target in CHANGES[source] else source)


def test_every_status_can_be_reached_and_left() -> None:
    assert set(CHANGES) == set(Status)
    assert {target for targets in CHANGES.values() for target in targets} == set(Status)
    assert all(CHANGES.values())


def test_of_two_changes_at_the_same_time_the_later_is_asked_about_what_the_earlier_made_of_it(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    """From `succeeded` both are refused, from `running` each excludes the other."""
    backfill = registered(connection, Status.RUNNING)
    together = Barrier(2)

    def change(target: Status) -> str:
        with django_connected_to(database_url) as own_connection:
            mine = Backfill.objects.get(pk=backfill.pk)
            together.wait(20)
            try:
                return statuses.change(own_connection, mine, target).status
            except Refused as refusal:
                return str(refusal)

    with ThreadPoolExecutor(2) as threads:
        results = set(threads.map(change, [Status.SUCCEEDED, Status.PAUSING]))
    assert results in (
        {"succeeded", "Backfill shop.0003 is succeeded: it cannot become pausing."},
        {"pausing", "Backfill shop.0003 is pausing: it cannot become succeeded."},
    )


@pytest.mark.parametrize(
    ("status", "command"),
    [
        (Status.PENDING, "manage.py backfill shop.0003"),
        (Status.RUNNING, "manage.py backfill shop.0003"),
        (Status.PAUSED, "manage.py backfill --resume shop.0003"),
        (Status.FAILED, "manage.py backfill --retry shop.0003"),
        (Status.CANCELLED, "manage.py backfill --retry shop.0003"),
    ],
)
def test_how_to_go_on(connection: BaseDatabaseWrapper, status: Status, command: str) -> None:
    backfill = Backfill(name="shop.0003", status=status)
    assert statuses.how_to_go_on(backfill) == command
