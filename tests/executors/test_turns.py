"""Turns behind a proxy, and such that do not come to work. Others are tested with real queues."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from devtools.database_url import database_settings
from tests.support.django_database import backend_pid
from tests.support.pgbouncer import pgbouncer
from tests.support.project import Project
from tests.support.witnessed_shop import (
    NAME,
    ROWS,
    assert_every_row_was_moved_once,
    state,
)
from zero_downtime.backfills.statuses import Status
from zero_downtime.errors import Refused
from zero_downtime.executors.turns import REST_SECONDS, Turn, take
from zero_downtime.models import Backfill

TURN = Turn("default", NAME, workers=1)


class Queue:
    """Remembers what was enqueued, and for when."""

    def __init__(self) -> None:
        self.enqueued: list[tuple[Turn, float]] = []

    def __call__(self, turn: Turn, delay: float) -> None:
        self.enqueued.append((turn, delay))


def lose_the_server(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    pg.execute("SELECT pg_terminate_backend(%s, 10000)", [backend_pid(connection)])


@pytest.mark.parametrize("status", ["paused", "cancelled", "failed", "succeeded"])
def test_where_there_is_nothing_to_do_there_is_no_successor(
    connection: BaseDatabaseWrapper, status: Status
) -> None:
    Backfill.objects.update(status=status)
    queue = Queue()
    assert take(TURN, queue) == f"{status}, 0 rows"
    assert queue.enqueued == []


def test_a_turn_that_finds_no_server_is_taken_again_later(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    Backfill.objects.update(status="succeeded")
    queue = Queue()
    for failures in (1, 2):
        lose_the_server(connection, pg)
        take(replace(TURN, failures=failures - 1), queue)
        assert queue.enqueued.pop() == (replace(TURN, failures=failures), REST_SECONDS)
    assert take(replace(TURN, failures=2), queue) == "succeeded, 0 rows"
    assert queue.enqueued == []


@override_settings(ZERO_DOWNTIME={"LOCK_DEADLINE": 3 * REST_SECONDS})
def test_a_turn_that_has_found_no_server_for_too_long_is_the_last(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    lose_the_server(connection, pg)
    queue = Queue()
    with pytest.raises(Refused, match=f"4 times in a row: .* manage.py backfill {NAME}"):
        take(replace(TURN, failures=3), queue)
    assert queue.enqueued == []


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        (replace(TURN, database="archive"), "Backfill .* is of database 'archive', which is not"),
        (replace(TURN, backfill="shop.0003"), f"There is no backfill 'shop.0003'. .*{NAME}"),
        (TURN, f"Backfill {NAME} is registered in the database, but this code has no migration"),
    ],
    ids=["database", "name", "migration"],
)
def test_what_this_worker_does_not_know_is_said_in_its_log(
    connection: BaseDatabaseWrapper,
    caplog: pytest.LogCaptureFixture,
    turn: Turn,
    message: str,
) -> None:
    queue = Queue()
    with caplog.at_level(logging.ERROR), pytest.raises(CommandError, match=message) as refused:
        take(turn, queue)
    assert caplog.messages == [str(refused.value)]
    assert queue.enqueued == []


# Where the task's machine connects through PgBouncer

TAKE = f"""
from zero_downtime.executors.turns import Turn, take
print(take(Turn("default", {NAME!r}, workers=1), print))
"""
DIRECT = {"DIRECT": {"default": "direct"}}


@pytest.fixture
def behind_proxy(shop: Project) -> Iterator[Project]:
    """The shop, with a way around the proxy that DIRECT may name."""
    with pgbouncer(shop.database_url) as url:
        databases = {
            "default": database_settings(url),
            "direct": database_settings(shop.database_url),
        }
        shop.add_settings(f"DATABASES = {databases!r}")
        yield shop


def test_a_turn_goes_around_a_proxy_as_the_command_does(behind_proxy: Project) -> None:
    taken = behind_proxy.manage("shell", "--no-imports", "--command", TAKE, settings=DIRECT)
    assert taken.stdout == f"succeeded, {ROWS} rows\n"
    assert_every_row_was_moved_once(behind_proxy)


def test_a_turn_that_knows_no_way_around_is_the_last(behind_proxy: Project) -> None:
    taken = behind_proxy.manage("shell", "--no-imports", "--command", TAKE, check=False)
    assert (taken.returncode, taken.stdout) == (1, "")
    assert "and a worker of a backfill needs one. Nothing was done." in taken.stderr
    assert "Say in the settings how to go around the proxy" in taken.stderr
    assert state(behind_proxy)[:2] == ("pending", 0)
