from __future__ import annotations

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.backfills.witnessed import WitnessedTable
from tests.support.sessions import holding
from zero_downtime.backfills.keys import Key, KeyRange
from zero_downtime.backfills.sweep import FillNulls, sweep

SMALL_BATCHES = override_settings(
    ZERO_DOWNTIME={"BATCH_MIN_ROWS": 4, "BATCH_MAX_ROWS": 4, "LOCK_TIMEOUT": 0.01}
)


@SMALL_BATCHES
def test_nulls_are_filled_and_values_are_left_alone(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(10)
    table.pg.execute("UPDATE t SET new = 'kept' WHERE id = 5; TRUNCATE log")
    sweep(connection, FillNulls("t", "new", "old || ' 100%'"))
    assert table.changed == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert table.ask("SELECT new FROM t WHERE id = 5") == "kept"
    assert table.ask("SELECT new FROM t WHERE id = 6") == "value 6 100%"


def test_the_columns_own_default_can_be_the_value(
    connection: BaseDatabaseWrapper, table: WitnessedTable
) -> None:
    table.insert(3)
    table.pg.execute("ALTER TABLE t ALTER new SET DEFAULT 'default'")
    sweep(connection, FillNulls("t", "new", "DEFAULT"))
    assert table.ask("SELECT count(*) FROM t WHERE new = 'default'") == 3


@SMALL_BATCHES
def test_each_batch_is_a_transaction_that_is_tried_again(
    connection: BaseDatabaseWrapper, table: WitnessedTable, database_url: str
) -> None:
    table.insert(10)
    done_before: list[int] = []
    with holding(database_url, "SELECT FROM t WHERE id = 6 FOR UPDATE") as client:

        class Waiting(FillNulls):
            def process(self, connection: BaseDatabaseWrapper, key: Key, keys: KeyRange) -> None:
                done_before.append(table.ask("SELECT count(*) FROM t WHERE new IS NOT NULL"))
                if len(done_before) == 3:
                    client.rollback()
                super().process(connection, key, keys)

        sweep(connection, Waiting("t", "new", "'x'"))
    assert done_before == [0, 4, 4, 8]
    assert table.changed == list(range(1, 11))


def test_unusual_names(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> None:
    pg.execute('CREATE TABLE "100%" ("a b" integer PRIMARY KEY, "%s" integer)')
    pg.execute('INSERT INTO "100%" VALUES (1)')
    fill = FillNulls("100%", "%s", "7 % 4")
    assert fill.statement(connection) == 'UPDATE "100%" SET "%s" = 7 % 4 WHERE "%s" IS NULL'
    sweep(connection, fill)
    assert pg.execute('SELECT "%s" FROM "100%"').fetchall() == [(3,)]
