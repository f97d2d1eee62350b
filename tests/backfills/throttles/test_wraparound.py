"""Against a server that is anxious enough to prevent wraparound every 100,000 transactions."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from devtools.embedded_postgres import EmbeddedPostgres, PostgresUnavailableError
from tests.support.django_database import django_connected_to
from tests.support.roles import ordinary_role
from tests.support.sessions import running, waiting
from tests.support.waiting import wait_for
from zero_downtime.backfills.throttles.wraparound import Wraparound

ANXIOUS_AND_SLOW = {
    "fsync": "off",
    "synchronous_commit": "off",
    "autovacuum_freeze_max_age": "100000",
    "autovacuum_naptime": "1s",
    "autovacuum_vacuum_cost_limit": "1",
    "autovacuum_vacuum_cost_delay": "100ms",
}
VACUUM = "SELECT pid FROM pg_stat_progress_vacuum WHERE relid = 't'::regclass"


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """The server, with a table `t` of some size."""
    try:
        with EmbeddedPostgres(config=ANXIOUS_AND_SLOW) as server:
            with psycopg.connect(server.url, autocommit=True) as pg:
                pg.execute(
                    "CREATE TABLE t AS SELECT repeat('x', 1000) FROM generate_series(1, 9999)"
                )
            yield server
    except PostgresUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def pg(server: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """An autocommit connection to that server."""
    with psycopg.connect(server.url, autocommit=True) as pg:
        yield pg


@pytest.fixture
def connection(
    server: EmbeddedPostgres, django_db_blocker: DjangoDbBlocker
) -> Iterator[BaseDatabaseWrapper]:
    """Django's default connection, to that server."""
    with django_db_blocker.unblock(), django_connected_to(server.url) as connection:
        yield connection


def test_another_vacuum_does_not_count(
    server: EmbeddedPostgres, connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    slowly = ["SET vacuum_cost_delay = '100ms'", "SET vacuum_cost_limit = 1"]
    with running(server.url, *slowly, "VACUUM t"):
        wait_for(lambda: pg.execute(VACUUM).fetchone(), "the vacuum to begin")
        assert Wraparound().check(connection, "t") is None


def test_it_holds_until_autovacuum_has_got_to_its_end(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    throttle = Wraparound()
    pg.execute("CREATE TABLE young (id int)")
    pg.execute(
        "CREATE PROCEDURE grow_old() LANGUAGE plpgsql AS "
        "$$ BEGIN FOR n IN 1..100100 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
    )
    pg.execute("CALL grow_old()")
    reason = wait_for(lambda: throttle.check(connection, "t"), "autovacuum to come")
    assert reason == "vacuum to prevent wraparound of t"
    assert throttle.check(connection, "young") is None
    with ordinary_role(connection, pg):
        assert throttle.check(connection, "t") == reason
    _let_it_end(pg)
    young = "SELECT 1 FROM pg_class WHERE relname = 't' AND age(relfrozenxid) < 100000"
    wait_for(lambda: pg.execute(young).fetchone(), "autovacuum to get to its end")
    assert throttle.check(connection, "t") is None


def _let_it_end(pg: psycopg.Connection) -> None:
    """Let another worker go on, which hurries."""
    (pid,) = pg.execute(VACUUM).fetchone() or (0,)
    hurry = "ALTER TABLE t SET (autovacuum_vacuum_cost_delay = 0)"
    with waiting(pg, pg.info.dsn, hurry) as session:
        pg.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        # Next in the queue.
        session.pgconn.get_result()
