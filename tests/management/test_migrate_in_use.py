"""`manage.py migrate` while the application runs: a shop with three users."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.support.project import Project
from tests.support.sessions import holding
from tests.support.shop import applied, columns, journal, write_rename
from tests.support.waiting import read_until, wait_for

AFTER_INITIAL = [("shop", "0001_initial")]
ADD_INDEX = 'migrations.AddIndex("user", models.Index(fields=["age"], name="age_idx")),'
ADD_FIELD = 'migrations.AddField("user", "note", models.TextField(null=True)),'
# A lock that is not free is tried for again soon, and nobody waits for a contract.
IMPATIENT = {"LOCK_TIMEOUT": 0.05, "CONTRACT_QUIET": 0}
GIVES_UP_AT_ONCE = {**IMPATIENT, "LOCK_DEADLINE": 0}


# What is refused


def test_an_unsafe_migration_is_refused_on_a_table_in_use(shop: Project) -> None:
    shop.write_migration("0002_index", ADD_INDEX, AFTER_INITIAL)
    result = shop.manage("migrate", check=False)
    assert result.returncode == 1
    assert "shop.0002_index: ZD101 add-index-blocks-writes" in result.stderr
    assert 'manage.py migrate --unsafe "REASON"' in result.stderr
    assert applied(shop) == ["0001"]


def test_so_is_one_of_a_table_of_another_schema(shop: Project) -> None:
    with shop.connect() as connection:
        connection.execute("CREATE SCHEMA sales CREATE TABLE orders (id int)")
        connection.execute("INSERT INTO sales.orders VALUES (1)")
    sql = "migrations.RunSQL('CREATE INDEX ON sales.orders (id)', 'DROP INDEX sales.orders_id_idx')"
    shop.write_migration("0002_index", sql, AFTER_INITIAL)

    result = shop.manage("migrate", check=False)

    assert result.returncode == 1
    assert 'reads the whole table "sales.orders"' in result.stderr


def test_so_is_one_of_a_table_that_gets_another_name_before(shop: Project) -> None:
    """It is not there under that name yet."""
    comment = "# zero-downtime: ignore[ZD205] nobody uses it for a while\n"
    shop.write_migration(
        "0002_customer",
        comment
        + "migrations.RenameModel('user', 'customer'),\n"
        + ADD_INDEX.replace("user", "customer"),
        AFTER_INITIAL,
    )
    result = shop.manage("migrate", check=False)
    assert result.returncode == 1
    assert "ZD101" in result.stderr
    assert applied(shop) == ["0001"]


def test_a_suppression_in_the_migration_is_a_reason_as_well(shop: Project) -> None:
    comment = "# zero-downtime: ignore[add-index-blocks-writes] three users only\n"
    shop.write_migration("0002_index", comment + ADD_INDEX, AFTER_INITIAL)
    shop.manage("migrate")
    assert applied(shop) == ["0001", "0002"]


def test_a_reason_overrides_and_is_recorded(shop: Project) -> None:
    shop.write_migration("0002_index", ADD_INDEX, AFTER_INITIAL)
    shop.manage("migrate", "--unsafe", "three users only")
    assert applied(shop) == ["0001", "0002"]
    document = json.loads(shop.manage("migrate", "--history", "--json").stdout)
    assert document["version"] == 1
    first, second = (each for each in document["migrations"] if each["app"] == "shop")
    assert (first["name"], first["reason"]) == ("0001_initial", "")
    assert (second["name"], second["reason"]) == ("0002_index", "three users only")
    (operation,) = second["operations"]
    assert operation["description"] == "Create index age_idx on field(s) age of model user"
    assert "unsafe: three users only" in shop.manage("migrate", "--history").stdout


@pytest.mark.parametrize(("policy", "warnings"), [("warn", 1), ("off", 0)])
def test_a_project_may_only_warn_or_not_even_that(
    shop: Project, policy: str, warnings: int
) -> None:
    shop.write_migration("0002_index", ADD_INDEX, AFTER_INITIAL)
    result = shop.manage("migrate", settings={"MIGRATE": policy})
    assert result.stderr.count("ZD101") == warnings
    assert "not applied" not in result.stderr
    assert applied(shop) == ["0001", "0002"]


# What is held back


def test_a_contract_and_all_that_depends_on_it_wait_while_others_run(shop: Project) -> None:
    write_rename(shop)
    contract = ("shop", "0004_rename_name_contract")
    shop.write_migration("0005_note", ADD_FIELD, [contract])
    shop.add_app("blog")
    post = '("id", models.BigAutoField(primary_key=True))'
    shop.write("blog/migrations/__init__.py")
    shop.write_migration(
        "0001_initial",
        f'migrations.CreateModel("Post", fields=[{post}]),',
        [("shop", "0003_rename_name_backfill")],
        app="blog",
    )
    shop.write_migration(
        "0002_waits",
        'migrations.AddField("post", "text", models.TextField(null=True)),',
        [("blog", "0001_initial"), contract],
        app="blog",
    )

    output = shop.manage("migrate").stdout

    assert applied(shop) == ["0001", "0002", "0003"]
    blog = "SELECT name FROM django_migrations WHERE app = 'blog'"
    assert shop.rows(blog) == [("0001_initial",)]
    _, _, held_back = output.partition("Held back:\n")
    reasons = dict(line.strip().split(": ", 1) for line in held_back.splitlines()[:3])
    assert "its expand is applied in this same run" in reasons["shop.0004_rename_name_contract"]
    follows = "it depends on shop.0004_rename_name_contract, which is held back"
    assert reasons["shop.0005_note"] == reasons["blog.0002_waits"] == follows

    shop.manage("migrate", settings={"CONTRACT_QUIET": 0})
    assert applied(shop) == ["0001", "0002", "0003", "0004", "0005"]
    assert shop.rows(blog) == [("0001_initial",), ("0002_waits",)]


def test_a_contract_that_is_named_waits_all_the_same(shop: Project) -> None:
    write_rename(shop)
    output = shop.manage("migrate", "shop", "0004").stdout
    assert applied(shop) == ["0001", "0002", "0003"]
    assert "shop.0004_rename_name_contract: its expand is applied in this same run" in output


def test_a_contract_waits_for_a_backfill_that_is_registered_in_the_same_run(
    shop: Project,
) -> None:
    write_rename(shop)
    large = {"INLINE_BACKFILL_ROWS": 2, "CONTRACT_QUIET": 0}
    shop.manage("migrate", "shop", "0002", settings=large)

    output = shop.manage("migrate", settings=large).stdout

    assert applied(shop) == ["0001", "0002", "0003"]
    _, _, held_back = output.partition("Held back:\n")
    assert held_back.strip().startswith("shop.0004_rename_name_contract: ")
    assert "manage.py backfill shop.0003_rename_name_backfill" in held_back


def test_a_small_table_is_filled_and_contracted_in_the_run_after_the_expand(
    shop: Project,
) -> None:
    write_rename(shop)
    shop.manage("migrate", "shop", "0002")
    shop.manage("migrate", settings={"CONTRACT_QUIET": 0})
    assert applied(shop) == ["0001", "0002", "0003", "0004"]


# Options


def test_an_app_without_migrations_is_synchronized(shop: Project) -> None:
    shop.add_app("notes")
    shop.write(
        "notes/models.py",
        """
        from django.db import models

        class Note(models.Model):
            text = models.TextField()
        """,
    )
    write_rename(shop)
    shop.manage("migrate", "--run-syncdb")  # with a contract that has to wait
    assert shop.rows("SELECT count(*) FROM notes_note") == [(0,)]
    assert applied(shop) == ["0001", "0002", "0003"]


# Waiting for locks


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


# The journal


def test_the_journal_has_what_was_applied_unapplied_and_failed(shop: Project) -> None:
    shop.write_migration(
        "0002_note",
        f'{ADD_FIELD} migrations.RunSQL("SELECT 1 / 0", migrations.RunSQL.noop),',
        AFTER_INITIAL,
    )
    failure = shop.manage("migrate", check=False)
    assert failure.returncode == 1
    assert "division by zero" in failure.stderr
    shop.write_migration("0002_note", ADD_FIELD, AFTER_INITIAL)
    shop.manage("migrate")
    shop.manage("migrate", "shop", "0001")
    assert journal(shop) == [
        ("0001", "applied"),
        ("0002", "failed"),
        ("0002", "applied"),
        ("0002", "unapplied"),
    ]
    text = shop.manage("migrate", "--history").stdout
    assert "shop.0002_note  failed by " in text
