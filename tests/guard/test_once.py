"""What becomes of single statements outside transactions when their migration goes on."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.test import override_settings

from tests.support.running import apply, migration, rows, tables
from tests.support.sessions import holding
from zero_downtime.errors import Refused
from zero_downtime.guard.history import history
from zero_downtime.guard.patience import StatementPatience
from zero_downtime.postgres import errors


@pytest.mark.parametrize("apart", [True, False])
def test_what_was_set_for_the_session_is_set_in_the_one_that_goes_on(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState, apart: bool
) -> None:
    pg.execute("CREATE SCHEMA sales; CREATE TABLE sales.shop_log (n int)")
    sql: list[Any] = [
        "SET search_path TO sales, public",
        "INSERT INTO shop_log VALUES (1)",
        "SET application_name TO 'sales'",
        "INSERT INTO shop_later SELECT 1 WHERE current_setting('application_name') = 'sales'",
    ]
    operations: list[Operation] = [migrations.RunSQL(sql)]
    if apart:
        first = migrations.SeparateDatabaseAndState([migrations.RunSQL(sql[:3])])
        operations = [first, migrations.RunSQL(sql[3:])]
    applied = migration(operations, atomic=False)
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, applied, state)
    connection.close()

    pg.execute("CREATE TABLE shop_later (n int); CREATE TABLE sales.shop_later (n int)")
    apply(connection, applied, state)
    assert (rows(pg, "sales.shop_log"), rows(pg, "sales.shop_later")) == (1, 1)


@pytest.mark.parametrize("setting", ["search_path TO sales", "ROLE pg_monitor"])
def test_what_is_set_need_not_lead_to_the_journal(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState, setting: str
) -> None:
    """Neither the schemas nor the rights have to do with it."""
    pg.execute("CREATE SCHEMA sales; GRANT ALL ON SCHEMA sales TO pg_monitor")
    sql: list[Any] = [
        f"SET {setting}",
        "CREATE TABLE sales.shop_log (n int)",
        "CREATE INDEX CONCURRENTLY by_n ON sales.shop_log (n)",
        "BEGIN",
        "INSERT INTO sales.shop_log SELECT count(*) FROM sales.shop_later",
        "COMMIT",
        "RESET search_path; RESET ROLE",
    ]
    applied = migration([migrations.RunSQL(sql[:3]), migrations.RunSQL(sql[3:])], atomic=False)
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, applied, state)
    connection.close()

    pg.execute("CREATE TABLE sales.shop_later (n int); GRANT ALL ON sales.shop_later TO pg_monitor")
    apply(connection, applied, state)
    assert rows(pg, "sales.shop_log") == 1
    (entry,) = history(connection)["migrations"]
    assert entry["outcome"] == "applied"


def test_transactions_that_are_written_out_are_what_they_are(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState, database_url: str
) -> None:
    """One that is committed is done, of one that is not nothing is."""
    pg.execute("CREATE TABLE shop_log (n int); CREATE SCHEMA sales")
    sql: list[Any] = [
        "BEGIN",
        "INSERT INTO shop_log VALUES (1)",
        "COMMIT",
        "start transaction",
        "INSERT INTO shop_log VALUES (2)",
        "SET LOCAL search_path TO sales",
        "INSERT INTO shop_later VALUES (1)",
        "end",
        "CREATE INDEX CONCURRENTLY by_n ON shop_log (n)",
    ]
    applied = migration([migrations.RunSQL(sql)], atomic=False)
    with connection.execute_wrapper(StatementPatience(connection)):
        with pytest.raises(DatabaseError, match="shop_later"):
            apply(connection, applied, state)
        assert rows(pg, "shop_log") == 1

        pg.execute("CREATE TABLE sales.shop_later (n int)")
        with (
            holding(database_url, "LOCK TABLE sales.shop_later"),
            pytest.raises(Refused, match="could not get a lock"),
        ):
            apply(connection, applied, state)
        assert rows(pg, "shop_log") == 1

        with (
            holding(database_url, "LOCK TABLE shop_log IN ROW EXCLUSIVE MODE"),
            override_settings(ZERO_DOWNTIME={"CONCURRENT_LOCK_TIMEOUT": 0.01}),
            pytest.raises(Refused, match="could not get a lock"),
        ):
            apply(connection, applied, state)
        assert rows(pg, "shop_log") == 2

        apply(connection, applied, state)
    assert (rows(pg, "shop_log"), rows(pg, "sales.shop_later")) == (2, 1)


def test_transactions_that_are_rolled_back_are_transactions(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    """And that of a savepoint is not the end of one."""
    pg.execute("CREATE TABLE shop_log (n int)")
    sql: list[Any] = [
        "BEGIN",
        "INSERT INTO shop_log VALUES (1)",
        "ROLLBACK",
        "BEGIN",
        "SAVEPOINT before",
        "INSERT INTO shop_log VALUES (2)",
        "ROLLBACK TO SAVEPOINT before",
        "INSERT INTO shop_log VALUES (3)",
        "COMMIT",
        "BEGIN",
        "INSERT INTO shop_log VALUES (4)",
        "INSERT INTO shop_later VALUES (1)",
        "COMMIT",
    ]
    applied = migration([migrations.RunSQL(sql), migrations.RunSQL(sql[:3])], atomic=False)
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, applied, state)
    pg.execute("CREATE TABLE shop_later (n int)")
    apply(connection, applied, state)
    assert pg.execute("TABLE shop_log").fetchall() == [(3,), (4,)]


def test_what_stands_behind_a_commit_is_not_tried_again_with_what_stands_before_it(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState, database_url: str
) -> None:
    pg.execute("CREATE TABLE shop_log (n int)")
    sql = (
        "BEGIN; INSERT INTO shop_log VALUES (1); COMMIT;"
        "BEGIN; ALTER TABLE shop_user ADD COLUMN age int; COMMIT"
    )
    with (
        holding(database_url, "TABLE shop_user"),
        connection.execute_wrapper(StatementPatience(connection)),
        pytest.raises(Refused, match="could not get a lock in the middle"),
    ):
        apply(connection, migration([migrations.RunSQL(sql)], atomic=False), state)
    assert rows(pg, "shop_log") == 1


def test_such_a_transaction_may_say_what_it_is_like(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    pg.execute("CREATE TABLE shop_log (level text)")
    sql: list[Any] = [
        "BEGIN",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "INSERT INTO shop_log VALUES (current_setting('transaction_isolation'))",
        "COMMIT",
        "INSERT INTO shop_later VALUES (1)",
    ]
    applied = migration([migrations.RunSQL(sql)], atomic=False)
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, applied, state)
    pg.execute("CREATE TABLE shop_later (n int)")
    apply(connection, applied, state)
    assert pg.execute("TABLE shop_log").fetchall() == [("serializable",)]


def test_what_refuses_a_transaction_runs_without_one(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    sql: list[Any] = [
        "VACUUM shop_user",
        "CREATE INDEX CONCURRENTLY by_id ON shop_user (id)",
        "REINDEX INDEX CONCURRENTLY by_id",
        "DROP INDEX CONCURRENTLY by_id",
        "DO $$ BEGIN COMMIT; END $$",
    ]
    apply(connection, migration([migrations.RunSQL(sql)], atomic=False), state)
    (entry,) = history(connection)["migrations"]
    assert entry["outcome"] == "applied"


def test_an_invalid_index_of_a_try_before_is_replaced(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    pg.execute("CREATE TABLE shop_pair (n int)")
    pg.execute("INSERT INTO shop_pair VALUES (1), (1)")
    build = migrations.RunSQL("CREATE UNIQUE INDEX CONCURRENTLY one ON shop_pair (n)")
    for _ in range(3):  # nobody has looked at the rows yet
        with pytest.raises(DatabaseError) as failure:
            apply(connection, migration([build], atomic=False), state)
        assert errors.sqlstate(failure.value) == "23505"
        invalid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'one'::regclass"
        assert pg.execute(invalid).fetchall() == [(False,)]

    pg.execute("DELETE FROM shop_pair WHERE ctid = '(0,1)'")
    apply(connection, migration([build], atomic=False), state)
    assert pg.execute(invalid).fetchall() == [(True,)]


def test_so_is_one_whose_function_has_failed(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    """As many do where their schema has to be named, since PostgreSQL 17."""
    pg.execute("CREATE TABLE shop_pair (n int); INSERT INTO shop_pair VALUES (1)")
    function = "FUNCTION half(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS"
    pg.execute(f"CREATE {function} 'BEGIN RETURN missing($1); END'".encode())
    build = migrations.RunSQL("CREATE INDEX CONCURRENTLY one ON shop_pair (half(n))")
    with pytest.raises(DatabaseError, match="missing"):
        apply(connection, migration([build], atomic=False), state)

    pg.execute(f"CREATE OR REPLACE {function} 'BEGIN RETURN $1 / 2; END'".encode())
    apply(connection, migration([build], atomic=False), state)
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'one'::regclass"
    assert pg.execute(valid).fetchall() == [(True,)]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE UNIQUE INDEX CONCURRENTLY ON shop_pair (n)",
        "REINDEX TABLE CONCURRENTLY shop_pair",
        "REINDEX INDEX CONCURRENTLY by_n",
    ],
)
def test_so_is_one_whose_name_postgresql_has_chosen(
    connection: BaseDatabaseWrapper,
    pg: psycopg.Connection,
    state: ProjectState,
    database_url: str,
    sql: str,
) -> None:
    """But not one that somebody else has left before."""
    pg.execute("CREATE TABLE shop_pair (n int); CREATE INDEX by_n ON shop_pair (n)")
    pg.execute("INSERT INTO shop_pair VALUES (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        pg.execute("CREATE UNIQUE INDEX CONCURRENTLY theirs ON shop_pair (n)")
    applied = migration([migrations.RunSQL(sql)], atomic=False)
    invalid = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
    with (
        holding(database_url, "LOCK TABLE shop_pair IN ROW EXCLUSIVE MODE"),
        pytest.raises(Refused, match="run the same command again"),
    ):
        apply(connection, applied, state)
    assert len(pg.execute(invalid).fetchall()) == 2

    pg.execute("DELETE FROM shop_pair WHERE ctid = '(0,1)'")
    apply(connection, applied, state)
    assert pg.execute(invalid).fetchall() == [("theirs",)]


@pytest.mark.parametrize("died", ["before it began", "in the middle", "at its end"])
def test_a_partition_is_detached_however_far_that_was(
    connection: BaseDatabaseWrapper,
    pg: psycopg.Connection,
    state: ProjectState,
    database_url: str,
    died: str,
) -> None:
    pg.execute("CREATE TABLE shop_sale (n int) PARTITION BY LIST (n)")
    pg.execute("CREATE TABLE shop_sale_1 PARTITION OF shop_sale FOR VALUES IN (1)")
    detach = "ALTER TABLE shop_sale DETACH PARTITION shop_sale_1 CONCURRENTLY"
    applied = migration([migrations.RunSQL(detach)], atomic=False)
    with (
        override_settings(ZERO_DOWNTIME={"CONCURRENT_LOCK_TIMEOUT": 0.01}),
        holding(database_url, "TABLE shop_sale"),
        connection.execute_wrapper(StatementPatience(connection)),
        pytest.raises(Refused, match="run the same command again"),
    ):
        apply(connection, applied, state)
    pending = pg.execute("SELECT inhdetachpending FROM pg_inherits")
    assert pending.fetchall() == [(True,)]
    if died != "in the middle":
        pg.execute("ALTER TABLE shop_sale DETACH PARTITION shop_sale_1 FINALIZE")
    if died == "before it began":
        pg.execute("ALTER TABLE shop_sale ATTACH PARTITION shop_sale_1 FOR VALUES IN (1)")

    apply(connection, applied, state)
    assert pg.execute("SELECT FROM pg_inherits").rowcount == 0
    assert "shop_sale_1" in tables(pg)
