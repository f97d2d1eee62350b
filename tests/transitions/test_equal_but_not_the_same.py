"""Where 'Ada' equals 'ADA', a row that changes from the one to the other is copied all the same."""

from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.project import Project
from tests.support.retyped_shop import write_retyping, write_untyped_shop
from tests.support.shop import insert_users, write_rename, write_shop
from zero_downtime.transitions import archive

CASELESS = {
    "type": ("CREATE EXTENSION citext", "citext"),
    "collation": (
        "CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', "
        "deterministic = false)",
        "text COLLATE caseless",
    ),
}


@pytest.fixture(params=CASELESS)
def caseless(request: pytest.FixtureRequest, pg: psycopg.Connection) -> str:
    """A type for which case makes no difference."""
    create, type_ = CASELESS[request.param]
    try:
        pg.execute(create.encode())
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this PostgreSQL was built without ICU")
    return type_


def test_rename(project: Project, pg: psycopg.Connection, caseless: str) -> None:
    write_shop(project)
    project.manage("migrate")
    pg.execute(f"ALTER TABLE shop_user ALTER COLUMN name TYPE {caseless}".encode())
    insert_users(project, 3)
    write_rename(project)
    project.manage("migrate", "shop", "0003")
    pg.execute("UPDATE shop_user SET name = 'NAME 1' WHERE id = 1")
    pg.execute("UPDATE shop_user SET full_name = 'NAME 2' WHERE id = 2")
    with pg.transaction():
        pg.execute("SET LOCAL session_replication_role = replica")  # no triggers
        pg.execute("UPDATE shop_user SET name = 'NAME 3' WHERE id = 3")

    verified = project.manage("backfill", "--verify", check=False)
    assert verified.returncode == 1
    assert "1 of 3 rows differ (keys 3)" in verified.stdout + verified.stderr
    project.manage("backfill", "--repair")
    both = project.rows("SELECT name::text, full_name::text FROM shop_user ORDER BY id")
    assert both == [(name, name) for name in ("NAME 1", "NAME 2", "NAME 3")]


def test_change_of_type(project: Project, pg: psycopg.Connection, caseless: str) -> None:
    write_untyped_shop(project)
    project.manage("migrate")
    pg.execute(f"ALTER TABLE shop_user ALTER COLUMN age TYPE {caseless}".encode())
    pg.execute("INSERT INTO shop_user (name, age) VALUES ('one', 'ten')")
    write_retyping(project, "models.CharField(max_length=5)")
    project.manage("migrate", "shop", "0003")
    pg.execute("UPDATE shop_user SET age = 'TEN'")
    assert project.rows("SELECT age::text, zero_downtime_age::text FROM shop_user") == [
        ("TEN", "TEN")
    ]


def test_archive(connection: BaseDatabaseWrapper, pg: psycopg.Connection, caseless: str) -> None:
    pg.execute(f"CREATE TABLE t (id int PRIMARY KEY, c {caseless} DEFAULT 'none')".encode())
    pg.execute("INSERT INTO t VALUES (1, 'NONE')")
    archive.keep(connection, "t", "c")
    pg.execute("UPDATE t SET c = DEFAULT")
    archive.restore(connection, "t", "c")
    assert pg.execute("SELECT c::text FROM t").fetchall() == [("NONE",)]
