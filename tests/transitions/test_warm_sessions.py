"""Sessions that were connected, and had statements prepared, before a switch."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from tests.support.project import Project
from tests.support.retyped_shop import insert_ages, write_retyping, write_untyped_shop

READ = "SELECT age FROM shop_user WHERE id = %s"
FIND = "SELECT id FROM shop_user WHERE age = %s"
WRITE = "UPDATE shop_user SET age = %s WHERE id = %s"
INSERT = "INSERT INTO shop_user (name, age) VALUES ('new', %s)"
OTHERS = "SELECT id, name FROM shop_user WHERE id = %s"


@pytest.fixture
def expanded(project: Project) -> Project:
    write_untyped_shop(project, "models.IntegerField()")
    project.manage("migrate")
    insert_ages(project, 10, 20)
    write_retyping(project, "models.BigIntegerField()")
    project.manage("migrate")
    return project


def warm_up(session: psycopg.Connection) -> None:
    """Run the statements so often that the server keeps a generic plan for them."""
    for _ in range(8):
        session.execute(READ, [1])
        session.execute(OTHERS, [1])
        session.execute(FIND, [10])
        session.execute(WRITE, [10, 1])
        session.execute(INSERT, [30])


def test_a_session_as_django_has_it_notices_nothing(expanded: Project) -> None:
    session = expanded.connect()
    session.prepare_threshold = None
    warm_up(session)
    for number in ("0004", "0003", "0004", "0005"):
        expanded.manage("migrate", "shop", number)
        warm_up(session)


def test_prepared_statements_that_do_not_return_the_column_go_on(expanded: Project) -> None:
    session = expanded.connect()
    session.prepare_threshold = 0
    warm_up(session)
    expanded.manage("migrate", "shop", "0004")
    for _ in range(3):
        session.execute(OTHERS, [1])
        session.execute(FIND, [10])
        session.execute(WRITE, [11, 1])
        session.execute(INSERT, [31])
    assert expanded.rows("SELECT age, zero_downtime_age FROM shop_user WHERE id = 1") == [(11, 11)]


def test_a_prepared_statement_that_returns_the_column_fails_once_in_a_transaction(
    expanded: Project,
) -> None:
    """PostgreSQL cannot change what a prepared statement returns; the driver forgets it then."""
    session = expanded.connect()
    session.prepare_threshold = 0
    warm_up(session)
    expanded.manage("migrate", "shop", "0004")
    with pytest.raises(errors.FeatureNotSupported), session.transaction():
        session.execute(READ, [1])
    with session.transaction():
        assert session.execute(READ, [1]).fetchall() == [(10,)]


def test_a_prepared_statement_that_returns_the_column_fails_for_good_without_a_transaction(
    expanded: Project,
) -> None:
    session = expanded.connect()
    session.prepare_threshold = 0
    warm_up(session)
    expanded.manage("migrate", "shop", "0004")
    for _ in range(2):
        with pytest.raises(errors.FeatureNotSupported):
            session.execute(READ, [1])
    session.execute("DEALLOCATE ALL")
    assert session.execute(READ, [1]).fetchall() == [(10,)]
