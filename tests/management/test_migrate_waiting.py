"""`manage.py migrate` waiting for locks: how long, for whom, and what is tried again."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.support.project import Project
from tests.support.sessions import holding
from tests.support.shop import applied, columns, journal
from tests.support.waiting import read_until, wait_for

AFTER_INITIAL = [("shop", "0001_initial")]
ADD_INDEX = 'migrations.AddIndex("user", models.Index(fields=["age"], name="age_idx")),'
ADD_FIELD = 'migrations.AddField("user", "note", models.TextField(null=True)),'
# A lock that is not free is tried for again soon, and nobody waits for a contract.
IMPATIENT = {"LOCK_TIMEOUT": 0.05, "CONTRACT_QUIET": 0}
GIVES_UP_AT_ONCE = {**IMPATIENT, "LOCK_DEADLINE": 0}


def add_notes_of_users(shop: Project) -> None:
    """Add an app without migrations, whose table has a foreign key to the one in use."""
    shop.add_app("notes")
    shop.write(
        "notes/models.py",
        """
        from django.db import models

        class Note(models.Model):
            user = models.ForeignKey("shop.User", models.CASCADE)
        """,
    )


def test_tables_without_migrations_wait_briefly_for_those_they_point_at(shop: Project) -> None:
    add_notes_of_users(shop)
    shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    with holding(shop.database_url, "LOCK shop_user IN ROW EXCLUSIVE MODE") as writer:
        migrate = shop.start("migrate", "--run-syncdb", settings=IMPATIENT)
        read_until(migrate.stderr, "(try 2)")
        writer.rollback()
        _, stderr = migrate.communicate()
    assert migrate.returncode == 0, stderr
    foreign_keys = "SELECT confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
    assert shop.rows(f"{foreign_keys} AND conrelid = 'notes_note'::regclass") == [("shop_user",)]
    assert applied(shop) == ["0001", "0002"]


def test_they_do_not_wait_for_ever(shop: Project) -> None:
    add_notes_of_users(shop)
    with holding(shop.database_url, "LOCK shop_user IN ROW EXCLUSIVE MODE"):
        result = shop.manage("migrate", "--run-syncdb", check=False, settings=GIVES_UP_AT_ONCE)
    assert result.returncode == 1
    assert "Could not lock a table in 1 tries" in result.stderr
    assert "Run the same command again" in result.stderr
    assert shop.rows("SELECT to_regclass('notes_note')") == [(None,)]


def test_an_atomic_migration_waits_briefly_and_is_tried_again_as_a_whole(shop: Project) -> None:
    shop.write_migration(
        "0002_note",
        f'{ADD_FIELD} migrations.RunSQL("CREATE TABLE made_before_the_lock ()"),',
        AFTER_INITIAL,
    )
    with holding(shop.database_url, "TABLE shop_user", application_name="report") as holder:
        migrate = shop.start("migrate", settings=IMPATIENT)
        warning = read_until(migrate.stderr, "is locked by others (try 2)")
        assert f"pid {holder.info.backend_pid}" in warning
        assert "report" in warning
        holder.rollback()
        _, stderr = migrate.communicate()
    assert migrate.returncode == 0, stderr
    assert applied(shop) == ["0001", "0002"]
    assert journal(shop) == [("0001", "applied"), ("0002", "applied")]


def test_an_atomic_migration_does_not_queue_behind_whom_it_would_wait_for_in_vain(
    shop: Project,
) -> None:
    shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    with shop.connect() as observer, holding(shop.database_url, "TABLE shop_user") as holder:
        wait_for(lambda: age_of_transaction(observer, holder) > 0.5, "it to outlast LOCK_TIMEOUT")
        migrate = shop.start("migrate", settings={"LOCK_TIMEOUT": 0.5})
        seen = read_until(migrate.stderr, '"shop_user" is locked by others (try 3)')
        holder.rollback()
        _, stderr = migrate.communicate()
    assert migrate.returncode == 0, stderr
    assert "Waiting for a lock" not in seen  # no statement did
    document = json.loads(shop.manage("migrate", "--history", "--json").stdout)
    last = document["migrations"][-1]
    assert (last["name"], last["outcome"]) == ("0002_note", "applied")
    assert last["retries"] >= 3
    assert last["waited_seconds"] > 0


def test_looking_whether_a_table_is_in_use_waits_no_longer_than_it_may(shop: Project) -> None:
    shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    shop.write_migration("0003_index", ADD_INDEX, [("shop", "0002_note")])
    with holding(shop.database_url, "LOCK TABLE shop_user") as holder:
        migrate = shop.start("migrate", settings=IMPATIENT)
        read_until(migrate.stderr, "is locked by others (try 2)")
        holder.rollback()
        _, stderr = migrate.communicate()
    assert "ZD101" in stderr  # it has rows
    assert applied(shop) == ["0001"]


def age_of_transaction(observer: psycopg.Connection, session: psycopg.Connection) -> float:
    """Return for how many seconds the transaction of a session has been open."""
    row = observer.execute(
        "SELECT extract(epoch FROM clock_timestamp() - xact_start)::float8 FROM pg_stat_activity "
        "WHERE pid = %s",
        [session.info.backend_pid],
    ).fetchone()
    assert row is not None
    return float(row[0])


def test_a_migration_outside_a_transaction_tries_the_statement_again(shop: Project) -> None:
    shop.write_migration(
        "0002_note",
        f'migrations.RunSQL("CREATE TABLE made_once ()"), {ADD_FIELD}',
        AFTER_INITIAL,
        atomic=False,
    )
    with holding(shop.database_url, "TABLE shop_user") as holder:
        migrate = shop.start("migrate", settings=IMPATIENT)
        read_until(migrate.stderr, "is locked by others (try 2)")
        assert shop.rows("SELECT count(*) FROM made_once") == [(0,)]
        holder.rollback()
        _, stderr = migrate.communicate()
    assert migrate.returncode == 0, stderr
    assert columns(shop)[-1] == "note"


def test_giving_up_names_who_was_in_the_way_and_leaves_nothing_half_done(shop: Project) -> None:
    shop.write_migration(
        "0002_note", f'migrations.RunSQL("CREATE TABLE half_done ()"), {ADD_FIELD}', AFTER_INITIAL
    )
    with holding(shop.database_url, "TABLE shop_user", application_name="report") as holder:
        result = shop.manage("migrate", check=False, settings=GIVES_UP_AT_ONCE)
        assert result.returncode == 1
        assert f"In the way: pid {holder.info.backend_pid}" in result.stderr
        assert "Traceback" not in result.stderr
    assert shop.rows("SELECT to_regclass('half_done')::text") == [(None,)]
    shop.manage("migrate")
    assert journal(shop) == [("0001", "applied"), ("0002", "failed"), ("0002", "applied")]


def test_stopping_in_the_middle_of_a_migration_outside_a_transaction_is_explained(
    shop: Project,
) -> None:
    shop.write(
        "shop/migrations/0002_python.py",
        """
        from django.db import migrations, transaction

        def lock(apps, schema_editor):
            with transaction.atomic():
                schema_editor.execute("LOCK TABLE shop_user")

        class Migration(migrations.Migration):
            atomic = False
            dependencies = [("shop", "0001_initial")]
            operations = [
                migrations.RunSQL("CREATE TABLE done ()"),
                migrations.RunPython(lock),
            ]
        """,
    )
    with holding(shop.database_url, "TABLE shop_user"):
        result = shop.manage("migrate", check=False, settings=IMPATIENT)
    assert result.returncode == 1
    problem = "shop.0002_python is not atomic and could not get a lock in the middle of 'Raw Python"
    assert problem in result.stderr
    assert "migrate --fake" in result.stderr
    assert "Traceback" not in result.stderr
    assert journal(shop)[-1] == ("0002", "failed")


def test_a_lock_timeout_that_a_migration_sets_ends_with_it(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("CREATE TABLE seen (lock_timeout text)")
    see = "INSERT INTO seen SELECT current_setting('lock_timeout')"
    shop.write_migration(
        "0002_patient",
        f"""migrations.RunSQL("SET lock_timeout = '1h'"), migrations.RunSQL("{see}"),""",
        AFTER_INITIAL,
        atomic=False,
    )
    shop.write_migration(
        "0003_next", f'migrations.RunSQL("{see}"),', [("shop", "0002_patient")], atomic=False
    )
    shop.manage("migrate", settings={"LOCK_TIMEOUT": 0.123})
    assert shop.rows("TABLE seen") == [("1h",), ("123ms",)]


def test_the_lock_timeout_is_there_even_after_the_connection_was_lost(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("CREATE TABLE seen (lock_timeout text)")
    shop.write(
        "shop/migrations/0002_fill.py",
        """
        from django.db import connection, migrations
        from zero_downtime import operations as zd

        lost = []

        def fill(apps, users):
            if not lost:
                lost.append(True)
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        def see(apps, schema_editor):
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO seen SELECT current_setting('lock_timeout')")

        class Migration(migrations.Migration):
            atomic = False
            dependencies = [("shop", "0001_initial")]
            operations = [
                migrations.RunPython(see),
                zd.BatchedRunPython(fill, "user"),
                migrations.RunPython(see),
            ]
        """,
    )
    output = shop.manage("migrate", settings={"LOCK_TIMEOUT": 0.123})
    assert "connection lost" in output.stderr
    assert shop.rows("TABLE seen") == [("123ms",)] * 2


@pytest.mark.parametrize("atomic", [True, False])
def test_what_is_one_transaction_waits_for_all_locks_together_for_half_of_it(
    shop: Project, atomic: bool
) -> None:
    """Whoever wants what the first statement has locked waits for all of them, and the work."""
    with shop.connect() as connection:
        connection.execute("CREATE TABLE seen (lock_timeout integer)")
    shop.write(
        "shop/migrations/0002_see.py",
        f"""
        from django.db import migrations

        SEE = "INSERT INTO seen SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'"

        def see(apps, schema_editor):
            for statement in [SEE, "SELECT pg_sleep(0.1)", SEE, "SELECT pg_sleep(0.4)", SEE]:
                schema_editor.execute(statement)

        class Migration(migrations.Migration):
            atomic = {atomic}
            dependencies = [("shop", "0001_initial")]
            operations = [migrations.RunPython(see, atomic=True)]
        """,
    )

    shop.manage("migrate", settings={"LOCK_TIMEOUT": 0.8})

    first, second, last = (milliseconds for (milliseconds,) in shop.rows("TABLE seen"))
    assert first == 400
    assert 40 < second <= 300
    assert last == 40  # not so little that nothing could be had while others work
