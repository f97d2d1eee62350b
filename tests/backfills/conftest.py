"""A table of two columns, one to be copied to the other, and a witness of every change."""

from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.backfills.witnessed import WitnessedTable
from tests.support.django_database import create_own_tables


@pytest.fixture
def own_tables(connection: BaseDatabaseWrapper) -> None:
    """Let the tables of zero_downtime exist."""
    create_own_tables(connection)


@pytest.fixture
def table(pg: psycopg.Connection) -> WitnessedTable:
    """The table `t` with the columns `id`, `old` and `new`; it is empty."""
    return WitnessedTable(pg)
