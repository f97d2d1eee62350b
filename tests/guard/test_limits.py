"""Whom an operation that moves data is ended by."""

from __future__ import annotations

import pytest
from django.db import migrations, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.support.django_database import backend_pid
from zero_downtime.errors import Refused
from zero_downtime.guard.limits import data_limits
from zero_downtime.guard.units import Unit

MOVE = migrations.Migration("0002_move", "shop")
MOVE.operations = [migrations.RunSQL("UPDATE shop_order SET note = ''")]  # type: ignore[misc]


def execute(connection: BaseDatabaseWrapper, sql: str) -> None:
    """Execute in a savepoint, as `atomic()` in a RunPython does."""
    with (
        transaction.atomic(),
        data_limits(connection, Unit(MOVE, 0)),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def fetch(connection: BaseDatabaseWrapper, sql: str) -> None:
    """Fetch rows as `iterator()` does, by a cursor on the server."""
    with (
        transaction.atomic(),
        data_limits(connection, Unit(MOVE, 0)),
        transaction.atomic(),
        connection.chunked_cursor() as cursor,
    ):
        cursor.execute(sql)
        cursor.fetchall()


@override_settings(ZERO_DOWNTIME={"DATA_STATEMENT_TIMEOUT": 0.05})
def test_by_the_limit(connection: BaseDatabaseWrapper) -> None:
    with pytest.raises(Refused, match="longer than DATA_STATEMENT_TIMEOUT allows"):
        execute(connection, "SELECT pg_sleep(60)")


def test_by_somebody(connection: BaseDatabaseWrapper) -> None:
    cancel = f"SELECT pg_cancel_backend({backend_pid(connection)})"
    with pytest.raises(Refused, match="somebody has cancelled it") as refusal:
        execute(connection, f"{cancel}, pg_sleep(60)")
    assert "longer than" not in str(refusal.value)


def test_by_a_timeout_of_the_session(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 50")
    with pytest.raises(Refused, match="sets a shorter statement_timeout"):
        execute(connection, "SELECT pg_sleep(60)")


def test_by_somebody_while_rows_are_fetched(connection: BaseDatabaseWrapper) -> None:
    cancel = f"SELECT pg_cancel_backend({backend_pid(connection)})"
    with pytest.raises(Refused, match="somebody has cancelled it"):
        fetch(connection, f"{cancel}, pg_sleep(60)")
