from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.django_database import backend_pid
from zero_downtime.backfills.throttles.custom import Custom


def test_it_is_asked_with_the_connection_and_the_table(connection: BaseDatabaseWrapper) -> None:
    asked = []

    def ask(*arguments: object) -> str:
        asked.append(arguments)
        return "the shop is busy"

    assert Custom(ask).verdict(connection, "t") == "the shop is busy"
    assert asked == [(connection, "t")]


@pytest.mark.parametrize("nothing", [None, "", False])
def test_it_lets_go(connection: BaseDatabaseWrapper, nothing: object) -> None:
    assert Custom(lambda connection, table: nothing).verdict(connection, "t") is None


def test_one_that_raises_holds(connection: BaseDatabaseWrapper) -> None:
    def ask(connection: BaseDatabaseWrapper, table: str) -> None:
        raise ValueError("no metrics")

    reason = Custom(ask).verdict(connection, "t")
    assert reason == "THROTTLE cannot be read: ValueError: no metrics"


def test_one_that_cannot_reach_another_server_holds(connection: BaseDatabaseWrapper) -> None:
    def ask(connection: BaseDatabaseWrapper, table: str) -> None:
        connection.ensure_connection()
        raise OperationalError("metrics server: connection refused")

    reason = Custom(ask).verdict(connection, "t")
    assert reason is not None
    assert "metrics server: connection refused" in reason


def test_a_lost_connection_is_no_answer(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    def ask(connection: BaseDatabaseWrapper, table: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    pg.execute("SELECT pg_terminate_backend(%s, 10000)", [backend_pid(connection)])
    with pytest.raises(OperationalError):
        Custom(ask).verdict(connection, "t")
