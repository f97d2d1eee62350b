"""The shop of `tests.support.shop` with 1000 users, whose backfill is registered and witnessed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.databases import temporary_database
from tests.support.project import Project
from tests.support.shop import insert_users, write_rename, write_shop
from tests.support.waiting import wait_for

NAME = "shop.0003_rename_name_backfill"
LARGE = {"INLINE_BACKFILL_ROWS": 0, "CONTRACT_QUIET": 0}
SMALL_BATCHES = {**LARGE, "BATCH_MIN_ROWS": 100, "BATCH_MAX_ROWS": 100}
ROWS = 1000

# An append-only witness, in the transaction of whoever fills a row; row 650 can be held up.
WITNESS = """
    CREATE TABLE witness (id bigint);
    CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO witness VALUES (NEW.id);
            IF NEW.id = 650 THEN PERFORM pg_advisory_xact_lock_shared(650); END IF;
            RETURN NULL;
        END $$;
    CREATE TRIGGER witness AFTER UPDATE OF full_name ON shop_user
        FOR EACH ROW EXECUTE FUNCTION witness();
"""
# Whoever fills row 650 has to wait until this session ends, with its batch half done.
HOLD_ROW_650 = "SELECT pg_advisory_xact_lock(650)"


@contextmanager
def witnessed_shop(server_url: str, directory: Path) -> Iterator[str]:
    """Yield the DATABASE_URL of such a shop, to be copied for each test."""
    with temporary_database(server_url) as url, Project(directory, url) as project:
        write_shop(project)
        project.manage("migrate")
        insert_users(project, ROWS)
        write_rename(project)
        project.manage("migrate", settings=LARGE)
        with project.connect() as connection:
            connection.execute(WITNESS)
        yield url


def state(project: Project) -> tuple[str, int, int, str]:
    """Return status, rows done, failed batches and error."""
    (row,) = project.rows(
        "SELECT status, rows_done, failed_batches, error FROM zero_downtime_backfill "
        "WHERE name = %s",
        [NAME],
    )
    status, rows_done, failed_batches, error = row
    return status, rows_done, failed_batches, error


def assert_every_row_was_moved_once(project: Project) -> None:
    """Fail unless the backfill has succeeded and the witness has seen each row once."""
    differing = "SELECT count(*) FROM shop_user WHERE name IS DISTINCT FROM full_name"
    assert project.rows(differing) == [(0,)]
    assert project.rows("SELECT count(*), count(DISTINCT id) FROM witness") == [(ROWS, ROWS)]
    assert state(project) == ("succeeded", ROWS, 0, "")


def pid_of_worker(pg: psycopg.Connection) -> int:
    """Wait for a worker in the database, and return the process id of its backend."""
    query = (
        "SELECT pid FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name LIKE 'zero_downtime%'"
    )
    row = wait_for(lambda: pg.execute(query).fetchone(), "a worker")
    assert row is not None
    return int(row[0])
