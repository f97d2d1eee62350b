from __future__ import annotations

import pytest
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from zero_downtime.postgres.planner import JOINS_BUT_MERGE, SCANS_OUT_OF_ORDER, without

METHODS = (*SCANS_OUT_OF_ORDER, *JOINS_BUT_MERGE)


def settings(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting FROM pg_settings WHERE name = ANY (%s)", [list(METHODS)])
        return [setting for (setting,) in cursor.fetchall()]


def test_methods_are_off_in_the_block_only(connection: BaseDatabaseWrapper) -> None:
    with transaction.atomic():
        with without(connection, METHODS):
            assert settings(connection) == ["off"] * 4
        assert settings(connection) == ["on"] * 4


def test_what_was_off_before_stays_off(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
    with transaction.atomic(), without(connection, SCANS_OUT_OF_ORDER):
        pass
    assert sorted(settings(connection)) == ["off", "on", "on", "on"]


def test_an_error_takes_the_settings_with_it(connection: BaseDatabaseWrapper) -> None:
    with (
        transaction.atomic(),
        pytest.raises(ZeroDivisionError),
        transaction.atomic(),
        without(connection, METHODS),
    ):
        raise ZeroDivisionError
    assert settings(connection) == ["on"] * 4
