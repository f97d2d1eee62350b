"""What becomes of one migration, statement by statement, without a command around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.support.running import apply, migration, rows, tables
from tests.support.sessions import holding
from zero_downtime.errors import Refused
from zero_downtime.guard.history import history
from zero_downtime.guard.journal import Journal
from zero_downtime.guard.running import Runner
from zero_downtime.models import JournaledOperation, JournalEntry
from zero_downtime.signals import lock_retried


@contextmanager
def each_retry(do: Callable[[], object]) -> Iterator[list[int]]:
    """Do something after each try that failed; yield what number they had."""
    tries: list[int] = []

    def note(**signal: Any) -> None:
        tries.append(signal["tries"])
        do()

    lock_retried.connect(note)
    try:
        yield tries
    finally:
        lock_retried.disconnect(note)


# What is atomic


def test_what_django_leaves_to_the_end_is_tried_again_with_the_rest(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState, database_url: str
) -> None:
    order = migrations.CreateModel(
        "Order",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("user", models.ForeignKey("shop.User", models.CASCADE)),
        ],
    )
    with (
        holding(database_url, "LOCK TABLE shop_user IN ROW EXCLUSIVE MODE") as holder,
        each_retry(holder.rollback) as tries,
    ):
        after = apply(connection, migration([order]), state)
    assert tries == [1]
    assert tables(pg) == {"shop_user", "shop_order"}
    assert ("shop", "order") in after.models


def test_nothing_of_a_failed_try_is_left(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState, database_url: str
) -> None:
    pg.execute("CREATE TABLE shop_log ()")
    twice = [
        migrations.RunSQL("INSERT INTO shop_log DEFAULT VALUES"),
        migrations.RunSQL("LOCK TABLE shop_user"),
    ]
    with holding(database_url, "TABLE shop_user") as holder, each_retry(holder.rollback) as tries:
        apply(connection, migration(twice), state)
    assert tries == [1]
    assert rows(pg, "shop_log") == 1


def test_others_get_the_locks_while_it_pauses(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState, database_url: str
) -> None:
    pg.execute("CREATE TABLE shop_log ()")
    locks = migrations.RunSQL(["LOCK TABLE shop_log", "LOCK TABLE shop_user"])
    pg.execute("SET lock_timeout = 1")
    with holding(database_url, "TABLE shop_user") as holder:

        def use_the_other_table() -> None:
            pg.execute("INSERT INTO shop_log DEFAULT VALUES")
            holder.rollback()

        with each_retry(use_the_other_table):
            apply(connection, migration([locks]), state)
    assert rows(pg, "shop_log") == 1


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN; INSERT INTO shop_log VALUES (1); COMMIT;",
        ["-- by hand\nbegin", ("INSERT INTO shop_log VALUES (%s)", [1]), "/* so */ end"],
        ["INSERT INTO shop_log VALUES (0)", "ROLLBACK", "INSERT INTO shop_log VALUES (1)"],
    ],
)
def test_what_sqlmigrate_prints_may_be_pasted(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState, sql: Any
) -> None:
    """With its BEGIN and COMMIT, of which Django takes no notice."""
    pg.execute("CREATE TABLE shop_log (n int)")
    last = migrations.RunSQL("INSERT INTO shop_log VALUES (2)")
    apply(connection, migration([migrations.RunSQL(sql), last]), state)
    assert rows(pg, "shop_log") == 2
    (entry,) = history(connection)["migrations"]
    assert entry["outcome"] == "applied"


# What is not


def test_a_failed_migration_goes_on_with_the_statement_that_failed(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    pg.execute("CREATE TABLE shop_log (n int)")
    insert = "INSERT INTO shop_log VALUES (1)"
    operations: list[Operation] = [
        migrations.RunSQL(insert),
        migrations.RunSQL([insert, insert, "INSERT INTO shop_later VALUES (1)", insert]),
        migrations.RunSQL(insert),
    ]
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, migration(operations, atomic=False), state)
    assert rows(pg, "shop_log") == 3
    (entry,) = history(connection)["migrations"]
    assert entry["outcome"] == "failed"
    assert "shop_later" in entry["error"]
    assert [each["outcome"] for each in entry["operations"]] == ["done", "failed"]

    pg.execute("CREATE TABLE shop_later (n int)")
    apply(connection, migration(operations, atomic=False), state)
    assert (rows(pg, "shop_log"), rows(pg, "shop_later")) == (5, 1)
    (entry,) = history(connection)["migrations"]
    assert (entry["outcome"], entry["error"]) == ("applied", "")
    assert [each["outcome"] for each in entry["operations"]] == ["done"] * 3


def test_it_can_be_begun_anew(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    pg.execute("CREATE TABLE shop_log (n int)")
    operations: list[Operation] = [
        migrations.RunSQL("INSERT INTO shop_log VALUES (1)"),
        migrations.RunSQL("INSERT INTO shop_later VALUES (1)"),
    ]
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, migration(operations, atomic=False), state)
    pg.execute("CREATE TABLE shop_later (n int)")
    apply(connection, migration(operations, atomic=False), state, resumes=False)
    assert rows(pg, "shop_log") == 2


def test_an_operation_that_was_changed_after_it_ran_is_refused(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    fails = migrations.RunSQL("INSERT INTO shop_later VALUES (1)")
    first = [migrations.RunSQL("SELECT 1"), fails]
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, migration(first, atomic=False), state)
    with pytest.raises(Refused) as refusal:
        apply(connection, migration([migrations.RunSQL("SELECT 2"), fails], atomic=False), state)
    message = str(refusal.value)
    assert "its operation 0 ('Raw SQL operation') is done, and is another one now" in message
    assert "manage.py migrate --fake shop 0002_change" in message

    pg.execute("CREATE TABLE shop_later (n int)")
    apply(connection, migration(first, atomic=False), state)
    assert rows(pg, "shop_later") == 1
    (entry,) = history(connection)["migrations"]
    assert [each["outcome"] for each in entry["operations"]] == ["done", "done"]


def test_nothing_is_done_of_one_that_was_atomic_when_it_failed(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    pg.execute("CREATE TABLE shop_log (n int)")
    insert = migrations.RunSQL("INSERT INTO shop_log VALUES (1)")
    fails = migrations.RunSQL("TABLE shop_later")
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, migration([insert, fails]), state)
    pg.execute("CREATE TABLE shop_later (n int)")
    apply(connection, migration([insert, fails], atomic=False), state)
    assert rows(pg, "shop_log") == 1


def test_the_one_that_failed_may_be_mended(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    pg.execute("CREATE TABLE shop_log (n int)")
    insert = migrations.RunSQL("INSERT INTO shop_log VALUES (1)")
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(
            connection,
            migration([insert, migrations.RunSQL("TABLE shop_later")], atomic=False),
            state,
        )
    apply(connection, migration([insert, insert], atomic=False), state)
    assert rows(pg, "shop_log") == 2


def test_a_refusal_forgets_nothing_of_what_is_done(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    pg.execute("CREATE TABLE shop_log (n int)")
    fails = migrations.RunSQL("INSERT INTO shop_later VALUES (1)")
    insert = migrations.RunSQL("INSERT INTO shop_log VALUES (1)")
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, migration([insert, fails], atomic=False), state)
    with pytest.raises(Refused):
        apply(connection, migration([migrations.RunSQL("SELECT 2"), fails], atomic=False), state)
    pg.execute("CREATE TABLE shop_later (n int)")
    apply(connection, migration([insert, fails], atomic=False), state)  # changed back
    assert rows(pg, "shop_log") == 1


def test_what_was_missing_may_be_put_before_the_one_that_failed(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    pg.execute("CREATE TABLE shop_log (n int)")
    fails = migrations.RunSQL(
        ["INSERT INTO shop_log VALUES (1)", "INSERT INTO shop_later VALUES (1)"]
    )
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, migration([fails], atomic=False), state)
    create = migrations.RunSQL("CREATE TABLE shop_later (n int)")
    apply(connection, migration([create, fails], atomic=False), state)
    assert (rows(pg, "shop_log"), rows(pg, "shop_later")) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [
        migrations.RenameField("order", "user", "buyer"),
        migrations.RenameModel("order", "purchase"),
        migrations.RemoveField("order", "user"),
        migrations.DeleteModel("order"),
    ],
    ids=lambda change: type(change).__name__,
)
def test_what_is_left_to_the_end_may_be_changed_after_a_failure(
    connection: BaseDatabaseWrapper,
    pg: psycopg.Connection,
    state: ProjectState,
    change: Operation,
) -> None:
    """Such as the foreign key of a new table: Django has it follow, as long as it lives."""
    order = migrations.CreateModel(
        "Order",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("user", models.ForeignKey("shop.User", models.CASCADE)),
        ],
    )
    needs = migrations.RunSQL("INSERT INTO shop_later VALUES (1)")
    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, migration([order, needs, change], atomic=False), state)
    pg.execute("CREATE TABLE shop_later (n int)")
    apply(connection, migration([order, needs, change], atomic=False), state)
    keeps_it = isinstance(change, migrations.RenameField | migrations.RenameModel)
    keys = pg.execute("SELECT FROM pg_constraint WHERE confrelid = 'shop_user'::regclass")
    assert keys.rowcount == keeps_it
    (entry,) = history(connection)["migrations"]
    assert [each["outcome"] for each in entry["operations"]] == ["done"] * 3


def test_what_is_left_to_the_end_is_left_once_however_often_it_was_tried(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState, database_url: str
) -> None:
    def leave_and_lock(apps: Any, schema_editor: Any) -> None:
        schema_editor.deferred_sql.append("CREATE TABLE shop_log ()")
        schema_editor.execute("LOCK TABLE shop_user")

    code = migrations.RunPython(leave_and_lock, atomic=True)
    with holding(database_url, "TABLE shop_user") as holder, each_retry(holder.rollback) as tries:
        apply(connection, migration([code], atomic=False), state)
    assert tries == [1]
    assert rows(pg, "shop_log") == 0


def test_what_an_atomic_one_has_undone_is_not_done(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    def leave(apps: Any, schema_editor: Any) -> None:
        schema_editor.deferred_sql.append("INSERT INTO shop_later VALUES (1)")

    with pytest.raises(DatabaseError, match="shop_later"):
        apply(connection, migration([migrations.RunPython(leave)]), state)
    (entry,) = history(connection)["migrations"]
    assert [each["outcome"] for each in entry["operations"]] == ["failed"]

    pg.execute("CREATE TABLE shop_later (n int)")
    apply(connection, migration([migrations.RunPython(leave)], atomic=False), state)
    assert rows(pg, "shop_later") == 1


def test_it_does_without_the_journal(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    with connection.schema_editor() as editor:
        editor.delete_model(JournaledOperation)
        editor.delete_model(JournalEntry)
    pg.execute("CREATE TABLE shop_log (n int)")
    operations: list[Operation] = [
        migrations.RunSQL("INSERT INTO shop_log VALUES (1)"),
        migrations.RunSQL("CREATE INDEX CONCURRENTLY by_n ON shop_log (n)"),
    ]
    apply(connection, migration(operations, atomic=False), state)
    assert rows(pg, "shop_log") == 1


# Substitutes


def test_other_operations_run_and_the_state_is_what_the_file_says(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, state: ProjectState
) -> None:
    original = migrations.AddField("user", "name", models.TextField(null=True))
    applied = migration([original, migrations.RunSQL("CREATE TABLE shop_log ()")])
    journal = Journal(connection)
    journal.begin(applied, is_backwards=False)
    instead = migrations.RunSQL('ALTER TABLE shop_user ADD COLUMN "name" text')
    Runner(connection, journal).take_over(applied, {original: [instead]})
    with connection.schema_editor(atomic=applied.atomic) as editor:
        after = applied.apply(state, editor)
    journal.end(JournalEntry.Outcome.APPLIED)
    assert "name" in after.models["shop", "user"].fields
    assert "shop_log" in tables(pg)
    assert not applied.atomic
    (entry,) = history(connection)["migrations"]
    assert len(entry["operations"]) == 2
