"""`migrate` of a project whose application connects through PgBouncer, which pools transactions.

The project has a way around it, `direct`, in DATABASES; whether `migrate` may use it is up to the
setting DIRECT.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from devtools.database_url import database_settings
from tests.support.databases import temporary_database
from tests.support.pgbouncer import pgbouncer
from tests.support.project import Project
from tests.support.roles import client_role
from tests.support.sessions import holding
from tests.support.shop import applied, journal
from tests.support.waiting import read_until, wait_for

DIRECT = {"DIRECT": {"default": "direct"}}

BOOK = """
    migrations.CreateModel("Book", [
        ("id", models.BigAutoField(primary_key=True)),
        ("title", models.CharField(max_length=20)),
    ]),
"""
PAGES = 'migrations.AddField("book", "pages", models.IntegerField(null=True)),'
INDEX = 'zd.AddIndexConcurrently("book", models.Index(fields=["title"], name="by_title")),'
STOCK_INDEX = 'migrations.AddIndex("book", models.Index(fields=["title"], name="by_title")),'


@pytest.fixture
def proxy_url(project: Project) -> Iterator[str]:
    """The project's database by way of the proxy."""
    with pgbouncer(project.database_url) as url:
        yield url


@pytest.fixture
def behind_proxy(project: Project, proxy_url: str) -> Project:
    """The project, with one migration."""
    put_behind(project, proxy_url)
    project.write_migration("0001_initial", BOOK)
    return project


def put_behind(project: Project, proxy_url: str, direct_url: str = "") -> None:
    """Let `default` go through the proxy, and `direct` around it."""
    databases = {
        "default": database_settings(proxy_url),
        "direct": {
            **database_settings(direct_url or project.database_url),
            "TEST": {"MIRROR": "default"},
        },
    }
    project.add_settings(f"DATABASES = {databases!r}")


def add_migration(project: Project, operation: str, atomic: bool = True) -> None:
    """Let a second one follow the first."""
    previous = [("shop", "0001_initial")]
    project.write_migration("0002_more", operation, dependencies=previous, atomic=atomic)


def insert_book(project: Project) -> None:
    """Let there be somebody who could notice what is done to the table."""
    project.manage("migrate")
    project.connect().execute("INSERT INTO shop_book (title) VALUES ('A')")


def sessions_with_turn(project: Project) -> list[tuple[Any, ...]]:
    """Return transaction id and snapshot of the sessions that keep others from migrating."""
    return project.rows(
        "SELECT backend_xid, backend_xmin FROM pg_stat_activity "
        "WHERE application_name LIKE 'zero_downtime migrate %' "
        "AND state = 'idle in transaction' AND datname = current_database()"
    )


def wait_until_it_waits(project: Project) -> None:
    """Wait for a migration to wait for the advisory lock 1."""
    wait_for(
        lambda: project.rows(
            "SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = database "
            "WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
        ),
        "the migration to wait",
    )


# Atomic migrations, through the proxy


def test_an_atomic_migration_needs_no_session(behind_proxy: Project) -> None:
    add_migration(behind_proxy, PAGES)
    behind_proxy.manage("migrate")
    assert journal(behind_proxy) == [("0001", "applied"), ("0002", "applied")]
    behind_proxy.manage("migrate", "shop", "zero")
    assert applied(behind_proxy) == []


def test_nothing_is_left_to_those_who_get_the_sessions_next(
    behind_proxy: Project, proxy_url: str
) -> None:
    of_session = """
        SELECT current_setting('lock_timeout'),
               current_setting('idle_in_transaction_session_timeout'),
               current_setting('application_name') LIKE 'zero_downtime%'
    """
    with psycopg.connect(proxy_url, autocommit=True) as client:
        before = client.execute(of_session).fetchone()
    assert before is not None
    behind_proxy.manage("migrate")
    pids = set()
    with ExitStack() as clients:
        for _ in range(4):  # more than `migrate` had
            client = clients.enter_context(psycopg.connect(proxy_url))
            pids.add(client.execute("SELECT pg_backend_pid()").fetchone())
            assert client.execute(of_session).fetchone() == before
    assert len(pids) == 4
    # The proxy takes a moment to see that its client is gone.
    wait_for(lambda: not advisory_locks(behind_proxy), "the turn to be given back")


def advisory_locks(project: Project) -> list[tuple[object, ...]]:
    return project.rows(
        "SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database "
        "WHERE locktype = 'advisory' AND datname = current_database()"
    )


def test_an_atomic_migration_waits_for_its_lock_no_longer_than_it_may(
    behind_proxy: Project,
) -> None:
    behind_proxy.manage("migrate")
    add_migration(behind_proxy, PAGES)
    with holding(behind_proxy.database_url, "SELECT FROM shop_book") as reader:
        migrate = behind_proxy.start(
            "migrate", settings={"LOCK_TIMEOUT": 0.05, "LOCK_RETRY_MAX_DELAY": 0.05}
        )
        read_until(migrate.stderr, "(try 2)")
        reader.rollback()
    _, stderr = migrate.communicate(timeout=60)
    assert migrate.returncode == 0, stderr
    history = json.loads(behind_proxy.manage("migrate", "--history", "--json").stdout)
    assert history["migrations"][-1]["name"] == "0002_more"
    assert history["migrations"][-1]["retries"] >= 2


# One migrate at a time


BLOCKED = """
    migrations.RunSQL("SELECT pg_advisory_xact_lock(1)"),
"""


@pytest.mark.parametrize("database", ["default", "direct"])
def test_another_migrate_waits_whichever_way_it_goes(behind_proxy: Project, database: str) -> None:
    behind_proxy.manage("migrate")
    add_migration(behind_proxy, BLOCKED)
    with holding(behind_proxy.database_url, "SELECT pg_advisory_xact_lock(1)") as holder:
        first = behind_proxy.start("migrate", settings={"LOCK_TIMEOUT": 60})
        wait_until_it_waits(behind_proxy)
        second = behind_proxy.start("migrate", "--database", database)
        line = read_until(second.stderr, "Another process migrates database")
        assert "zero_downtime migrate" in line
        holder.rollback()
        for migrate in (first, second):
            stdout, stderr = migrate.communicate(timeout=60)
            assert migrate.returncode == 0, stderr
    assert "No migrations to apply" in stdout
    assert journal(behind_proxy) == [("0001", "applied"), ("0002", "applied")]


def test_one_that_goes_directly_keeps_others_from_the_proxy(behind_proxy: Project) -> None:
    behind_proxy.manage("migrate")
    add_migration(behind_proxy, BLOCKED)
    with holding(behind_proxy.database_url, "SELECT pg_advisory_xact_lock(1)"):
        behind_proxy.start("migrate", "--database", "direct", settings={"LOCK_TIMEOUT": 60})
        wait_until_it_waits(behind_proxy)
        second = behind_proxy.manage("migrate", settings={"MIGRATE_WAIT": 0}, check=False)
    assert second.returncode == 1
    assert "Another process migrates database 'default': pid " in second.stderr


def test_its_turn_keeps_nobody_from_anything_else(behind_proxy: Project) -> None:
    behind_proxy.manage("migrate")
    add_migration(behind_proxy, BLOCKED)
    with holding(behind_proxy.database_url, "SELECT pg_advisory_xact_lock(1)"):
        behind_proxy.start("migrate", settings={"LOCK_TIMEOUT": 60})
        wait_until_it_waits(behind_proxy)
        assert sessions_with_turn(behind_proxy) == [(None, None)]


def test_a_killed_one_leaves_its_turn_to_the_next(behind_proxy: Project) -> None:
    behind_proxy.manage("migrate")
    add_migration(behind_proxy, BLOCKED)
    with holding(behind_proxy.database_url, "SELECT pg_advisory_xact_lock(1)"):
        first = behind_proxy.start("migrate", settings={"LOCK_TIMEOUT": 60})
        wait_until_it_waits(behind_proxy)
        first.kill()
        first.wait()
    behind_proxy.manage("migrate")
    assert applied(behind_proxy) == ["0001", "0002"]


END_TURN = """
    migrations.RunPython(lambda apps, schema_editor: schema_editor.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name LIKE 'zero_downtime migrate %' AND datname = current_database()",
        None,
    )),
"""


def test_a_turn_that_was_ended_is_taken_again(behind_proxy: Project) -> None:
    add_migration(behind_proxy, END_TURN)
    behind_proxy.write_migration("0003_blocked", BLOCKED, dependencies=[("shop", "0002_more")])
    with holding(behind_proxy.database_url, "SELECT pg_advisory_xact_lock(1)") as holder:
        migrate = behind_proxy.start("migrate", settings={"LOCK_TIMEOUT": 60})
        wait_until_it_waits(behind_proxy)
        assert sessions_with_turn(behind_proxy) == [(None, None)]
        holder.rollback()
        _, stderr = migrate.communicate(timeout=60)
    assert migrate.returncode == 0, stderr
    assert applied(behind_proxy) == ["0001", "0002", "0003"]


# What needs a session


def test_what_is_not_atomic_is_refused_before_anything_ran(behind_proxy: Project) -> None:
    add_migration(behind_proxy, INDEX, atomic=False)
    refused = behind_proxy.manage("migrate", check=False)
    assert refused.returncode == 1
    assert "what is not atomic needs one: shop.0002_more. Nothing was done." in refused.stderr
    assert '"HOST": "HOST OF THE SERVER"' in refused.stderr
    assert 'ZERO_DOWNTIME = {"DIRECT": {\'default\': "direct"}}' in refused.stderr
    assert 'ZERO_DOWNTIME = {"POOL_MODE": "session"}' in refused.stderr
    assert behind_proxy.rows("SELECT to_regclass('django_migrations')") == [(None,)]


def test_so_is_what_would_be_substituted(behind_proxy: Project) -> None:
    """Safe operations are not atomic."""
    insert_book(behind_proxy)
    add_migration(behind_proxy, STOCK_INDEX)
    substitute = {"SUBSTITUTE": ["shop"]}
    refused = behind_proxy.manage("migrate", settings=substitute, check=False)
    assert "what is not atomic needs one: shop.0002_more. Nothing was done." in refused.stderr
    behind_proxy.manage("migrate", settings={**substitute, **DIRECT})
    assert applied(behind_proxy) == ["0001", "0002"]


def test_so_is_taking_it_back(behind_proxy: Project) -> None:
    add_migration(behind_proxy, INDEX, atomic=False)
    behind_proxy.manage("migrate", settings=DIRECT)
    refused = behind_proxy.manage("migrate", "shop", "zero", check=False)
    assert "what is not atomic needs one: shop.0002_more. Nothing was done." in refused.stderr
    assert applied(behind_proxy) == ["0001", "0002"]


def test_the_atomic_ones_before_it_can_be_applied(behind_proxy: Project) -> None:
    add_migration(behind_proxy, INDEX, atomic=False)
    behind_proxy.manage("migrate", "shop", "0001")
    assert applied(behind_proxy) == ["0001"]


def test_a_proxy_that_pools_sessions_is_as_good_as_none(project: Project) -> None:
    with pgbouncer(project.database_url, "session") as url:
        put_behind(project, url)
        project.write_migration("0001_initial", BOOK)
        add_migration(project, INDEX, atomic=False)
        project.manage("migrate", settings={"POOL_MODE": "session"})
    assert applied(project) == ["0001", "0002"]


def test_a_proxy_that_pools_statements_is_as_bad_as_can_be(project: Project) -> None:
    with pgbouncer(project.database_url, "statement") as url:
        put_behind(project, url)
        project.write_migration("0001_initial", BOOK)
        refused = project.manage("migrate", check=False)
        assert refused.returncode == 1
        assert (
            "The proxy before database 'default' does not let a transaction begin: "
            in refused.stderr
        )
        assert "Say in the settings how to go around the proxy" in refused.stderr
        project.manage("migrate", settings=DIRECT)
    assert applied(project) == ["0001"]


def test_through_such_a_proxy_somebody_in_the_way_can_be_ended(
    project: Project, pg: psycopg.Connection
) -> None:
    """PgBouncer keeps a session of the server for each client, and a number that is its own."""
    project.write_migration("0001_initial", BOOK)
    project.manage("migrate")
    add_migration(project, PAGES)
    at_once = ["--on-blocker", "terminate", "--blocker-age", "0"]
    with (
        pgbouncer(project.database_url, "session") as url,
        client_role(project.database_url, pg) as client_url,
        holding(client_url, "SELECT FROM shop_book") as forgotten,
    ):
        put_behind(project, url)
        migrated = project.manage("migrate", *at_once, settings={"POOL_MODE": "session"})
        assert f"Terminated what was in the way: pid {forgotten.info.backend_pid} " in (
            migrated.stderr
        )
        with pytest.raises(psycopg.OperationalError):
            forgotten.execute("SELECT")
    assert applied(project) == ["0001", "0002"]


def test_nobody_in_the_way_can_be_ended_through_a_proxy(behind_proxy: Project) -> None:
    """The session by which the next transaction goes may be another one."""
    refused = behind_proxy.manage("migrate", "--on-blocker", "cancel", check=False)
    assert refused.returncode == 1
    assert "and --on-blocker cancel, unlike --on-blocker wait, needs one. " in refused.stderr
    assert "Say in the settings how to go around the proxy" in refused.stderr
    behind_proxy.manage("migrate", "--on-blocker", "cancel", settings=DIRECT)
    assert applied(behind_proxy) == ["0001"]


# The way around it


def test_the_way_around_is_taken_for_everything(behind_proxy: Project) -> None:
    add_migration(behind_proxy, INDEX, atomic=False)
    migrated = behind_proxy.manage("migrate", settings=DIRECT)
    assert "Database 'default' is behind a proxy; going around it by 'direct'." in migrated.stdout
    assert behind_proxy.rows("SELECT 'by_title'::regclass::text") == [("by_title",)]
    assert applied(behind_proxy) == ["0001", "0002"]
    assert "No migrations to apply" in behind_proxy.manage("migrate").stdout


def test_code_that_names_no_database_goes_the_same_way(behind_proxy: Project) -> None:
    """By the proxy it would wait for the locks of its own migration."""
    add_migration(
        behind_proxy,
        f"""
        {PAGES}
        migrations.RunPython(
            lambda apps, schema_editor: apps.get_model("shop", "Book").objects.create(title="A")
        ),
        """,
    )
    behind_proxy.manage("migrate", settings=DIRECT)
    assert behind_proxy.rows("SELECT title FROM shop_book") == [("A",)]


def test_without_a_proxy_it_is_not_needed(project: Project) -> None:
    put_behind(project, project.database_url)
    project.write_migration("0001_initial", BOOK)
    assert "behind a proxy" not in project.manage("migrate", settings=DIRECT).stdout
    assert applied(project) == ["0001"]


def test_a_way_to_another_database_is_none(
    project: Project, proxy_url: str, server_url: str
) -> None:
    with temporary_database(server_url) as other:
        put_behind(project, proxy_url, other)
        project.write_migration("0001_initial", BOOK)
        project.add_settings("DATABASES['direct']['TEST'] = {}")
        refused = project.manage("migrate", settings=DIRECT, check=False)
        with psycopg.connect(other) as session:
            tables = session.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            assert tables.fetchone() == (0,)
    assert refused.returncode == 1
    assert "does not lead to the same database. Nothing was done." in refused.stderr
    assert "Correct DATABASES['direct']." in refused.stderr


def test_nor_is_one_through_the_proxy(behind_proxy: Project) -> None:
    behind_proxy.add_settings("DATABASES['direct'] = DATABASES['default']")
    refused = behind_proxy.manage("migrate", settings=DIRECT, check=False)
    assert refused.returncode == 1
    assert behind_proxy.rows("SELECT to_regclass('django_migrations')") == [(None,)]


def test_nor_is_one_to_nowhere(behind_proxy: Project) -> None:
    behind_proxy.add_settings("DATABASES['direct']['PORT'] = '1'")
    refused = behind_proxy.manage("migrate", settings=DIRECT, check=False)
    assert refused.returncode == 1
    assert "does not lead to the same database (" in refused.stderr


# Test databases


def test_a_test_database_is_migrated_by_the_way_around(
    behind_proxy: Project, proxy_url: str
) -> None:
    """When that happens, the mirror of `default` still has the name of the real database."""
    add_migration(behind_proxy, INDEX, atomic=False)
    behind_proxy.write(
        "shop/tests.py",
        """
        from django.db import connections
        from django.test import TestCase

        class Test(TestCase):
            databases = ["default", "direct"]

            def test_it(self):
                for connection in connections.all():
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT current_database(), 'by_title'::regclass::text")
                        print("in", *cursor.fetchone(), flush=True)
        """,
    )
    name = "test_" + database_settings(proxy_url)["NAME"]
    try:
        # The proxy keeps sessions in it, so Django could not drop it.
        tested = behind_proxy.manage("test", "--noinput", "--keepdb", settings=DIRECT)
    finally:
        behind_proxy.connect().execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
    assert tested.stdout.count(f"in {name} by_title") == 2
    assert behind_proxy.rows("SELECT to_regclass('shop_book')") == [(None,)]
