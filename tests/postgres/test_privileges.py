"""What the role of a session may do, as the server says."""

from __future__ import annotations

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.roles import ordinary_role
from zero_downtime.postgres import privileges
from zero_downtime.postgres.privileges import OWNER


def test_tables_are_found_as_django_names_them(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute('CREATE SCHEMA crm CREATE TABLE "there.is" (); CREATE TABLE "Here" ()')
    try:
        there = '"crm"."there.is"'
        found = privileges.of_tables(connection, ["Here", there, "there.is", "nowhere"])
    finally:
        pg.execute('DROP SCHEMA crm CASCADE; DROP TABLE "Here"')

    assert {name: table.schema for name, table in found.items()} == {"Here": "public", there: "crm"}
    assert all(OWNER in table.may for table in found.values())


def test_a_privilege_on_one_column_is_one(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE book (id int, title text)")
    with ordinary_role(connection, pg) as role:
        pg.execute(f"GRANT SELECT (title), UPDATE (title), DELETE ON book TO {role}")
        found = privileges.of_tables(connection, ["book"])
        pg.execute(f"DROP OWNED BY {role}")

    assert found["book"].owner == pg.info.user
    assert found["book"].may == {"SELECT", "UPDATE", "DELETE"}


def test_a_schema_is_closed_unless_it_may_be_used_and_added_to(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE SCHEMA a; CREATE SCHEMA b")
    try:
        with ordinary_role(connection, pg) as role:
            pg.execute(f"GRANT USAGE, CREATE ON SCHEMA a TO {role}")
            pg.execute(f"GRANT CREATE ON SCHEMA b TO {role}")
            session = privileges.of_session(connection, ["a", "b", "nowhere"])
            pg.execute(f"DROP OWNED BY {role}")
    finally:
        pg.execute("DROP SCHEMA a; DROP SCHEMA b")

    assert session.schema == "public"
    assert session.closed_schemas >= {"b"}
    assert not session.closed_schemas & {"a", "nowhere"}
    assert session.may_make_temporary
