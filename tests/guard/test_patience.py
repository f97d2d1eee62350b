"""The lock discipline of statements that know nothing of it."""

from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from psycopg import sql

from tests.support.sessions import holding
from zero_downtime.errors import Refused
from zero_downtime.guard.patience import StatementPatience, is_concurrent
from zero_downtime.postgres import errors
from zero_downtime.postgres.locks import lock_timeout


def execute(connection: BaseDatabaseWrapper, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def table(pg: psycopg.Connection) -> None:
    pg.execute("CREATE TABLE t (n integer)")


@pytest.mark.usefixtures("table")
def test_a_statement_outside_a_transaction_is_tried_again(
    connection: BaseDatabaseWrapper,
    database_url: str,
    pg: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with holding(database_url, "TABLE t") as holder:
        tries = 0

        def count(run, statement, params, many, context):  # type: ignore[no-untyped-def]
            nonlocal tries
            if statement.startswith("ALTER"):
                tries += 1
                if tries == 3:
                    holder.rollback()
            return run(statement, params, many, context)

        with (
            lock_timeout(connection, 0.01),
            connection.execute_wrapper(StatementPatience(connection)),
            connection.execute_wrapper(count),
        ):
            execute(connection, "ALTER TABLE t ADD COLUMN c integer")
    assert tries == 3
    assert len(caplog.records) == 2
    pg.execute("SELECT c FROM t")


@pytest.mark.usefixtures("table")
def test_a_statement_in_a_transaction_is_not(
    connection: BaseDatabaseWrapper, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        holding(database_url, "TABLE t"),
        lock_timeout(connection, 0.01),
        connection.execute_wrapper(StatementPatience(connection)),
        pytest.raises(OperationalError) as caught,
        transaction.atomic(),
    ):
        execute(connection, "ALTER TABLE t ADD COLUMN c integer")
    assert errors.is_lock_failure(caught.value)
    assert caplog.records == []


@pytest.mark.parametrize(
    "text", ["BEGIN; LOCK TABLE t", "INSERT INTO t VALUES (1); COMMIT; LOCK TABLE t"]
)
@pytest.mark.usefixtures("table")
def test_nor_is_a_text_with_a_transaction_in_it(
    connection: BaseDatabaseWrapper, database_url: str, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    with (
        holding(database_url, "TABLE t"),
        lock_timeout(connection, 0.01),
        connection.execute_wrapper(StatementPatience(connection)),
    ):
        with pytest.raises(OperationalError) as caught:
            execute(connection, text)
        connection.rollback()
    assert errors.is_lock_failure(caught.value)
    assert caplog.records == []


@override_settings(ZERO_DOWNTIME={"LOCK_DEADLINE": 0})
@pytest.mark.usefixtures("table")
def test_a_statement_that_never_gets_its_lock_is_refused(
    connection: BaseDatabaseWrapper, database_url: str
) -> None:
    with (
        holding(database_url, "TABLE t", application_name="report"),
        lock_timeout(connection, 0.01),
        connection.execute_wrapper(StatementPatience(connection)),
        pytest.raises(Refused, match=r"Could not lock a table .* report"),
    ):
        execute(connection, "ALTER TABLE t ADD COLUMN c integer")


@override_settings(ZERO_DOWNTIME={"CONCURRENT_LOCK_TIMEOUT": 1234})
@pytest.mark.usefixtures("table")
def test_a_concurrent_statement_has_timeouts_of_its_own(connection: BaseDatabaseWrapper) -> None:
    """One that is ended leaves an INVALID index, however often it is tried."""
    seen: list[tuple[str, ...]] = []

    def look(run, statement, params, many, context):  # type: ignore[no-untyped-def]
        with context["cursor"].connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
            )
            seen.append((statement.split()[0], *cursor.fetchone()))
        return run(statement, params, many, context)

    execute(connection, "SET statement_timeout = '5s'")  # as a role or a database may have it
    with (
        lock_timeout(connection, 0.01),
        connection.execute_wrapper(StatementPatience(connection)),
        connection.execute_wrapper(look),
    ):
        execute(connection, "CREATE INDEX CONCURRENTLY i ON t (n)")
        execute(connection, "DROP INDEX i")
    assert ("CREATE", "1234s", "0") in seen
    assert ("DROP", "10ms", "5s") in seen


@override_settings(ZERO_DOWNTIME={"CONCURRENT_LOCK_TIMEOUT": 0.01})
@pytest.mark.usefixtures("table")
def test_a_concurrent_statement_is_not_tried_again(
    connection: BaseDatabaseWrapper, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        holding(database_url, "INSERT INTO t VALUES (1)"),
        connection.execute_wrapper(StatementPatience(connection)),
        pytest.raises(OperationalError) as caught,
    ):
        execute(connection, "CREATE INDEX CONCURRENTLY i ON t (n)")
    assert errors.is_lock_failure(caught.value)
    assert caplog.records == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX CONCURRENTLY i ON t (n)",
        'create unique index\n    concurrently "i" on "t" (n)',
        "DROP INDEX CONCURRENTLY IF EXISTS i",
        "REINDEX TABLE CONCURRENTLY t",
        "REINDEX (VERBOSE, CONCURRENTLY) TABLE t",
        "REINDEX (TABLESPACE fast, VERBOSE TRUE) TABLE CONCURRENTLY t",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        "-- by night\nCREATE INDEX CONCURRENTLY i ON t (n)",
        "/* by night */ CREATE INDEX CONCURRENTLY i ON t (n)",
        "ALTER TABLE t DETACH PARTITION t_2020 CONCURRENTLY",
        'alter table if exists only s."t" detach partition s.t_2020 concurrently; -- the oldest',
        sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier("i")),
    ],
)
def test_concurrent_statements(statement: object) -> None:
    assert is_concurrent(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX i ON t (n)",
        "",
        "-- nothing",
        "ALTER TABLE t DETACH PARTITION concurrently FINALIZE",
        "ALTER TABLE t ADD COLUMN n integer DEFAULT 'CONCURRENTLY'",
        'ALTER TABLE detach RENAME TO "CONCURRENTLY"',
        "ALTER TABLE concurrently ADD COLUMN n integer",
        "ALTER TABLE t ADD COLUMN n integer -- concurrently with the deploy",
        "CREATE INDEX i ON t (n) /* not CONCURRENTLY : the table is small */",
        "COMMENT ON TABLE t IS 'written CONCURRENTLY by two services'",
        "UPDATE t SET s = 'CREATE INDEX CONCURRENTLY '",
    ],
)
def test_statements_that_only_mention_the_word(statement: str) -> None:
    assert not is_concurrent(statement)
