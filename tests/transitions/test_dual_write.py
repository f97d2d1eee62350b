"""Whoever writes, and however: both columns are equal afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.databases import temporary_database
from tests.support.project import Project
from tests.support.shop import insert_users, write_rename, write_shop


@pytest.fixture(scope="module")
def expanded(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A shop with two rows from before the expand; no backfill has run."""
    directory: Path = tmp_path_factory.mktemp("project")
    with temporary_database(server_url) as url, Project(directory, url) as project:
        write_shop(project)
        project.manage("migrate")
        insert_users(project, 2)
        with project.connect() as connection:
            connection.execute("ALTER TABLE shop_user ALTER COLUMN name DROP NOT NULL")
        write_rename(project)
        project.manage("migrate", "shop", "0002")
        yield project


@pytest.fixture
def session(expanded: Project) -> Iterator[psycopg.Connection]:
    """A transaction on the expanded shop that is undone after the test."""
    with psycopg.connect(expanded.database_url) as connection:
        yield connection
        connection.rollback()


def both(session: psycopg.Connection, key: int) -> tuple[str | None, str | None]:
    row = session.execute("SELECT name, full_name FROM shop_user WHERE id = %s", [key]).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("insert", "value"),
    [
        ("(id, age, name) VALUES (9, 1, 'old code')", "old code"),
        ("(id, age, full_name) VALUES (9, 1, 'new code')", "new code"),
        ("(id, age, name, full_name) VALUES (9, 1, NULL, 'new')", "new"),
        ("(id, age, name, full_name) VALUES (9, 1, 'old', NULL)", "old"),
        ("(id, age, name, full_name) VALUES (9, 1, 'old', 'new')", "new"),
        ("(id, age) VALUES (9, 1)", None),
        (
            "(id, age, name) VALUES (1, 1, 'x') "
            "ON CONFLICT (id) DO UPDATE SET id = 9, name = 'upsert by old code'",
            "upsert by old code",
        ),
        (
            "(id, age, full_name) VALUES (1, 1, 'x') "
            "ON CONFLICT (id) DO UPDATE SET id = 9, full_name = excluded.full_name || '!'",
            "x!",
        ),
    ],
)
def test_insert(session: psycopg.Connection, insert: str, value: str | None) -> None:
    session.execute(f"INSERT INTO shop_user {insert}")
    assert both(session, 9) == (value, value)


@pytest.mark.parametrize(
    ("update", "value"),
    [
        ("name = 'old code'", "old code"),
        ("full_name = 'new code'", "new code"),
        ("name = 'old', full_name = 'new'", "new"),
        ("name = name, full_name = 'save() of new code'", "save() of new code"),
        ("name = 'save() of old code', full_name = full_name", "save() of old code"),
        ("name = NULL", None),
        ("full_name = NULL", "start"),
        ("age = 50", "start"),
    ],
)
def test_update(session: psycopg.Connection, update: str, value: str | None) -> None:
    session.execute("INSERT INTO shop_user (id, age, name) VALUES (9, 1, 'start')")
    session.execute(f"UPDATE shop_user SET {update} WHERE id = 9")
    assert both(session, 9) == (value, value)


@pytest.mark.parametrize(
    ("update", "value"), [("name = 'old code'", "old code"), ("full_name = 'new code'", "new code")]
)
def test_update_of_a_row_that_the_backfill_has_not_reached(
    session: psycopg.Connection, update: str, value: str
) -> None:
    assert both(session, 1) == ("name 1", None)
    session.execute(f"UPDATE shop_user SET {update} WHERE id = 1")
    assert both(session, 1) == (value, value)


@pytest.mark.parametrize(
    "update", ["age = 50, name = name", "age = 50, full_name = full_name", "age = 50"]
)
def test_unrelated_update_fills_a_row_that_the_backfill_has_not_reached(
    session: psycopg.Connection, update: str
) -> None:
    session.execute(f"UPDATE shop_user SET {update} WHERE id = 1")
    assert both(session, 1) == ("name 1", "name 1")


def test_a_row_does_not_slip_past_the_backfill_when_its_key_changes(
    session: psycopg.Connection,
) -> None:
    """The backfill goes from key to key, up to the last that there was when it began."""
    session.execute("UPDATE shop_user SET id = 99 WHERE id = 1")
    assert both(session, 99) == ("name 1", "name 1")


def test_a_stale_null_of_new_code_wipes_nothing_out_before_the_backfill_is_done(
    session: psycopg.Connection,
) -> None:
    """New code read NULL, the backfill filled the row, new code saves what it read."""
    session.execute("UPDATE shop_user SET full_name = name WHERE id = 1")
    session.execute("UPDATE shop_user SET age = 50, full_name = NULL WHERE id = 1")
    assert both(session, 1) == ("name 1", "name 1")


def test_a_null_of_new_code_is_meant_when_the_backfill_is_done(
    session: psycopg.Connection,
) -> None:
    session.execute(
        "SELECT setval(oid::regclass, 1) FROM pg_class "
        "WHERE relkind = 'S' AND relname LIKE 'zero_downtime_%_filled'"
    )
    session.execute("UPDATE shop_user SET full_name = name WHERE id = 1")
    session.execute("UPDATE shop_user SET full_name = NULL WHERE id = 1")
    assert both(session, 1) == (None, None)


def test_copy(session: psycopg.Connection) -> None:
    with session.cursor().copy("COPY shop_user (id, age, full_name) FROM STDIN") as copy:
        copy.write_row((9, 1, "copied"))
        copy.write_row((10, 1, None))
    assert both(session, 9) == ("copied", "copied")
    assert both(session, 10) == (None, None)


def test_many_rows_in_one_statement(session: psycopg.Connection) -> None:
    session.execute("UPDATE shop_user SET name = 'many ' || id")
    rows = session.execute("SELECT name, full_name FROM shop_user ORDER BY id").fetchall()
    assert rows == [("many 1", "many 1"), ("many 2", "many 2")]


def test_what_another_trigger_changes_is_copied_too(session: psycopg.Connection) -> None:
    """Ours sorts behind it, whatever it is called short of "zzz_zero_downtime"."""
    session.execute(
        "CREATE FUNCTION pg_temp.shout() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.name := upper(NEW.name); RETURN NEW; END'"
    )
    session.execute(
        "CREATE TRIGGER pgtrigger_shout BEFORE INSERT OR UPDATE ON shop_user "
        "FOR EACH ROW EXECUTE FUNCTION pg_temp.shout()"
    )
    session.execute("INSERT INTO shop_user (id, age, name) VALUES (9, 1, 'loud')")
    assert both(session, 9) == ("LOUD", "LOUD")
    session.execute("UPDATE shop_user SET name = 'louder' WHERE id = 9")
    assert both(session, 9) == ("LOUDER", "LOUDER")


def test_a_session_with_another_search_path_writes_as_well(session: psycopg.Connection) -> None:
    session.execute("SET LOCAL search_path = pg_catalog")
    session.execute("INSERT INTO public.shop_user (id, age, name) VALUES (9, 1, 'elsewhere')")
    session.execute("SET LOCAL search_path = public")
    assert both(session, 9) == ("elsewhere", "elsewhere")


def test_a_role_that_may_only_write_rows_writes_as_well(session: psycopg.Connection) -> None:
    session.execute("CREATE ROLE shop_clerk")
    session.execute("GRANT SELECT, INSERT, UPDATE ON shop_user TO shop_clerk")
    session.execute("SET LOCAL ROLE shop_clerk")
    session.execute("INSERT INTO shop_user (id, age, name) VALUES (9, 1, 'by a clerk')")
    assert both(session, 9) == ("by a clerk", "by a clerk")
