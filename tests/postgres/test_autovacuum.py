"""Autovacuum makes way for a migration, whatever the lock timeout."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from devtools.embedded_postgres import EmbeddedPostgres
from tests.support.django_database import django_connected_to
from tests.support.waiting import wait_for
from zero_downtime.postgres.locks import briefly
from zero_downtime.postgres.watching import watching

# Begins at once, and would take hours.
BUSY = {
    "fsync": "off",
    "autovacuum_naptime": "1s",
    "autovacuum_vacuum_threshold": "1",
    "autovacuum_vacuum_cost_limit": "1",
    "autovacuum_vacuum_cost_delay": "100ms",
}


@pytest.fixture
def busy_url() -> Iterator[str]:
    """DATABASE_URL of a server of its own, where the table of role `owner` is being vacuumed."""
    with (
        EmbeddedPostgres(config=BUSY) as server,
        psycopg.connect(server.url, autocommit=True) as pg,
    ):
        pg.execute("CREATE ROLE owner LOGIN")
        pg.execute("CREATE TABLE t AS SELECT id FROM generate_series(1, 100000) AS id")
        pg.execute("ALTER TABLE t OWNER TO owner")
        pg.execute("DELETE FROM t WHERE id % 2 = 0")
        begun = (
            "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE relation = 't'::regclass AND backend_type = 'autovacuum worker'"
        )
        wait_for(lambda: pg.execute(begun).fetchall(), "autovacuum to begin")
        yield server.url


@pytest.mark.parametrize("user", ["owner", "postgres"])
def test_autovacuum_makes_way_for_a_short_timeout(
    busy_url: str, django_db_blocker: DjangoDbBlocker, user: str
) -> None:
    with (
        django_db_blocker.unblock(),
        override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.5, "LOCK_DEADLINE": 20}),
        django_connected_to(f"{busy_url}&user={user}") as connection,
        connection.schema_editor(atomic=False) as editor,
        watching(connection),
    ):
        briefly(editor, "t", lambda: editor.execute("ALTER TABLE t ADD COLUMN c integer"))
