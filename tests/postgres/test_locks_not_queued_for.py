"""Queueing behind what will not end in time would only make clients wait."""

from __future__ import annotations

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from tests.support.roles import client_role
from tests.support.sessions import holding
from zero_downtime.errors import Refused
from zero_downtime.postgres.blockers import BlockerPolicy
from zero_downtime.postgres.lock_modes import Lock
from zero_downtime.postgres.locks import briefly
from zero_downtime.postgres.watching import watching

# Whatever is there already has lasted longer than this.
NO_TIME = {"LOCK_TIMEOUT": 0.000001, "LOCK_DEADLINE": 0}
MUCH_TIME = {"LOCK_TIMEOUT": 600, "LOCK_DEADLINE": 0}


class Queued(Exception):
    """The try was made."""


def queue() -> None:
    raise Queued


@override_settings(ZERO_DOWNTIME=NO_TIME)
def test_nobody_queues_behind_what_will_not_end_in_time(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t ()")
    with (
        holding(database_url, "TABLE t"),
        connection.schema_editor(atomic=False) as editor,
        pytest.raises(Refused) as refused,
    ):
        briefly(editor, "t", queue)
    assert str(refused.value).startswith('Could not lock "t" in 1 tries over 0 s. In the way: pid ')


@pytest.mark.parametrize(
    ("settings", "statement", "wanted"),
    [
        (MUCH_TIME, "TABLE t", Lock.ACCESS_EXCLUSIVE),  # it may end in time
        (NO_TIME, "TABLE t", Lock.SHARE_ROW_EXCLUSIVE),  # it does not conflict
        (NO_TIME, "TABLE other", Lock.ACCESS_EXCLUSIVE),
        (NO_TIME, "TABLE t", None),
    ],
)
def test_what_may_succeed_is_tried(
    connection: BaseDatabaseWrapper,
    database_url: str,
    pg: psycopg.Connection,
    settings: dict[str, float],
    statement: str,
    wanted: Lock | None,
) -> None:
    pg.execute("CREATE TABLE t (); CREATE TABLE other ()")
    with (
        holding(database_url, statement),
        override_settings(ZERO_DOWNTIME=settings),
        connection.schema_editor(atomic=False) as editor,
        pytest.raises(Queued),
    ):
        briefly(editor, "t", queue, wanted=wanted)


@override_settings(ZERO_DOWNTIME=NO_TIME)
def test_tables_that_are_locked_together_are_looked_at_together(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t (); CREATE TABLE other ()")
    with (
        holding(database_url, "TABLE other"),
        connection.schema_editor(atomic=False) as editor,
        pytest.raises(Refused, match='Could not lock "t" or "other"'),
    ):
        briefly(editor, "t", queue, ["other"])


@override_settings(ZERO_DOWNTIME={"LOCK_TIMEOUT": 0.000001, "LOCK_DEADLINE": 5})
def test_what_is_looked_for_before_a_try_is_ended_if_asked_to(
    connection: BaseDatabaseWrapper, database_url: str, pg: psycopg.Connection
) -> None:
    pg.execute("CREATE TABLE t ()")
    with (
        client_role(database_url, pg) as url,
        holding(url, "TABLE t") as holder,
        connection.schema_editor(atomic=False) as editor,
        watching(connection, BlockerPolicy("terminate", age=0)),
    ):
        briefly(editor, "t", lambda: None)
        with pytest.raises(psycopg.OperationalError):
            holder.execute("TABLE t")
