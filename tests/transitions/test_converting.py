"""Whoever writes, and however: the hidden column follows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.databases import temporary_database
from tests.support.project import Project
from tests.support.retyped_shop import insert_ages, write_retyping, write_untyped_shop


@pytest.fixture(scope="module")
def expanded(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A shop with two rows from before the expand; no backfill has run."""
    directory: Path = tmp_path_factory.mktemp("project")
    with temporary_database(server_url) as url, Project(directory, url) as project:
        write_untyped_shop(project, "models.CharField(max_length=20, null=True)")
        project.manage("migrate")
        insert_ages(project, "1", "2")
        write_retyping(project, "models.IntegerField(null=True)")
        project.manage("migrate", "shop", "0002")
        yield project


@pytest.fixture
def session(expanded: Project) -> Iterator[psycopg.Connection]:
    """A transaction on the expanded shop that is undone after the test."""
    with psycopg.connect(expanded.database_url) as connection:
        yield connection
        connection.rollback()


def both(session: psycopg.Connection, key: int) -> tuple[str | None, int | None]:
    row = session.execute(
        "SELECT age, zero_downtime_age FROM shop_user WHERE id = %s", [key]
    ).fetchone()
    assert row is not None
    return row


def unconverted(session: psycopg.Connection) -> int:
    ((name,),) = session.execute(
        "SELECT oid::regclass::text FROM pg_class "
        "WHERE relname LIKE 'zero_downtime_%_unconverted' AND relkind = 'S'"
    ).fetchall()
    row = session.execute("SELECT coalesce(pg_sequence_last_value(%s), 0)", [name]).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    ("insert", "expected"),
    [
        ("(id, name, age) VALUES (9, '', '12')", ("12", 12)),
        ("(id, name, age) VALUES (9, '', 'x')", ("x", None)),
        ("(id, name, age) VALUES (9, '', NULL)", (None, None)),
        ("(id, name) VALUES (9, '')", (None, None)),
        ("(id, name, age, zero_downtime_age) VALUES (9, '', '12', 13)", ("12", 12)),
        (
            "(id, name, age) VALUES (1, '', '5') ON CONFLICT (id) DO UPDATE SET id = 9, age = '6'",
            ("6", 6),
        ),
        (
            "(id, name, age) VALUES (1, '', 'x') "
            "ON CONFLICT (id) DO UPDATE SET id = 9, age = excluded.age",
            ("x", None),
        ),
    ],
)
def test_insert(
    session: psycopg.Connection, insert: str, expected: tuple[str | None, int | None]
) -> None:
    session.execute(f"INSERT INTO shop_user {insert}".encode())
    assert both(session, 9) == expected


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ("age = '7'", ("7", 7)),
        ("age = 'seven'", ("seven", None)),
        ("age = NULL", (None, None)),
        ("age = age, name = 'save()'", ("5", 5)),
        ("name = 'other'", ("5", 5)),
    ],
)
def test_update(
    session: psycopg.Connection, update: str, expected: tuple[str | None, int | None]
) -> None:
    session.execute("INSERT INTO shop_user (id, name, age) VALUES (9, '', '5')")
    session.execute(f"UPDATE shop_user SET {update} WHERE id = 9".encode())
    assert both(session, 9) == expected


def test_whoever_writes_a_row_fills_it_for_its_key_may_change(session: psycopg.Connection) -> None:
    """The backfill goes from key to key, up to the last that there was when it began."""
    assert both(session, 1) == ("1", None)
    session.execute("UPDATE shop_user SET id = 99 WHERE id = 1")
    assert both(session, 99) == ("1", 1)


def test_copy_and_many_rows(session: psycopg.Connection) -> None:
    with session.cursor().copy("COPY shop_user (id, name, age) FROM STDIN") as copy:
        copy.write_row((9, "", "90"))
        copy.write_row((10, "", "ten"))
    assert (both(session, 9), both(session, 10)) == (("90", 90), ("ten", None))
    session.execute("UPDATE shop_user SET age = id * 2")
    rows = session.execute("SELECT id, zero_downtime_age FROM shop_user").fetchall()
    assert all(2 * key == age for key, age in rows)


def test_what_another_trigger_changes_is_converted_too(session: psycopg.Connection) -> None:
    session.execute(
        "CREATE FUNCTION pg_temp.older() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN NEW.age := NEW.age || ''0''; RETURN NEW; END'"
    )
    session.execute(
        "CREATE TRIGGER pgtrigger_older BEFORE INSERT OR UPDATE ON shop_user "
        "FOR EACH ROW EXECUTE FUNCTION pg_temp.older()"
    )
    session.execute("INSERT INTO shop_user (id, name, age) VALUES (9, '', '1')")
    assert both(session, 9) == ("10", 10)
    session.execute("UPDATE shop_user SET name = 'x' WHERE id = 9")
    assert both(session, 9) == ("100", 100)


def test_what_does_not_convert_is_counted_even_when_it_is_rolled_back(
    session: psycopg.Connection,
) -> None:
    before = unconverted(session)
    session.execute("UPDATE shop_user SET age = 'x'")
    session.rollback()
    assert unconverted(session) == before + 2
    session.execute("UPDATE shop_user SET age = '3'")
    assert unconverted(session) == before + 2


def test_a_role_that_may_only_write_rows_writes_as_well(session: psycopg.Connection) -> None:
    session.execute("CREATE ROLE retyped_clerk")
    session.execute("GRANT SELECT, INSERT, UPDATE ON shop_user TO retyped_clerk")
    session.execute("SET LOCAL ROLE retyped_clerk")
    session.execute("SET LOCAL search_path = pg_catalog")
    session.execute("INSERT INTO public.shop_user (id, name, age) VALUES (9, '', 'x')")
    session.execute("UPDATE public.shop_user SET age = '8' WHERE id = 9")
    session.execute("SET LOCAL search_path = public")
    assert both(session, 9) == ("8", 8)
