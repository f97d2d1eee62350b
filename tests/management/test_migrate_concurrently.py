"""Several `migrate` at once: one works, and the others wait and find nothing left to do."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.databases import temporary_database
from tests.support.gate import SIGN, open_gate
from tests.support.project import Project
from tests.support.shop import INITIAL, insert_users, journal
from tests.support.waiting import read_until, wait_for

# In no transaction, so that it is in nobody's way but by its turn.
GATE = """
    from django.db import connection, migrations
    from tests.support import gate

    def leave_and_come_back(apps, schema_editor):
        if {loses_connection}:
            connection.close()
            connection.ensure_connection()

    class Migration(migrations.Migration):
        atomic = False
        dependencies = [("shop", "0001_initial")]
        operations = [migrations.RunPython(leave_and_come_back), migrations.RunPython(gate.stop)]
"""

# Building an index concurrently waits for everybody who has a snapshot.
AFTER_THE_GATE = {
    "0003_note": (
        'migrations.AddField("user", "note", models.TextField(null=True)),'
        "migrations.RunSQL(\"INSERT INTO shop_user (name, age) VALUES ('once', 1)\"),"
    ),
    "0004_stock_index": (
        'postgres.AddIndexConcurrently("user", models.Index(fields=["age"], name="age_idx")),'
    ),
    "0005_index": (
        'zd.AddIndexConcurrently("user", models.Index(fields=["name"], name="name_idx")),'
    ),
    "0006_city": (
        'zd.AddFieldConcurrently("user", "city", models.CharField(max_length=9, db_index=True, '
        'db_default="")),'
    ),
    "0007_backfill": 'zd.BackfillField("user", "age", value=F("age") + 1),',
}
NUMBERS = ["0001", "0002", "0003", "0004", "0005", "0006", "0007"]
IMPATIENT = {"MIGRATE_WAIT": 0}


def write_gate(project: Project, *, loses_connection: bool = False) -> None:
    gate = GATE.format(loses_connection=loses_connection)
    project.write("shop/migrations/0002_gate.py", gate)


@pytest.fixture
def shop(project: Project) -> Project:
    project.write_migration("0001_initial", INITIAL)
    write_gate(project)
    previous = "0002_gate"
    for name, operations in AFTER_THE_GATE.items():
        atomic = name == "0003_note"
        project.write_migration(name, operations, [("shop", previous)], atomic=atomic)
        previous = name
    return project


def start_to_the_gate(project: Project) -> subprocess.Popen[str]:
    process = project.start("migrate")
    read_until(process.stderr, SIGN)
    return process


def assert_ends_well(process: subprocess.Popen[str]) -> str:
    """Wait until it has ended, and return what it wrote to its standard output."""
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    return stdout


def assert_applied_once(project: Project) -> None:
    recorded = "SELECT left(name, 4) FROM django_migrations WHERE app = 'shop' ORDER BY id"
    assert project.rows(recorded) == [(number,) for number in NUMBERS]
    assert journal(project) == [(number, "applied") for number in NUMBERS]
    assert project.rows("SELECT age FROM shop_user WHERE name = 'once'") == [(2,)]
    assert project.rows("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]


def deadlocks(pg: psycopg.Connection) -> int:
    """Return how many there have been in the database, when all others have left it."""
    here = "datname = current_database()"
    others = f"FROM pg_stat_activity WHERE {here} AND backend_type = 'client backend'"

    def are_gone() -> bool:
        return pg.execute(f"SELECT {others} AND pid <> pg_backend_pid()").fetchone() is None

    wait_for(are_gone, "all others to disconnect")
    row = pg.execute(f"SELECT deadlocks FROM pg_stat_database WHERE {here}").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    ("count", "users"),
    [
        (2, 0),
        pytest.param(2, 1000, marks=pytest.mark.slow),
        pytest.param(10, 0, marks=pytest.mark.slow),
        (10, 1000),
    ],
)
def test_one_works_and_the_others_wait_and_end_well(
    shop: Project, pg: psycopg.Connection, count: int, users: int
) -> None:
    if users:
        shop.manage("migrate", "shop", "0001")
        insert_users(shop, users)
    deadlocks_before = deadlocks(pg)
    working = start_to_the_gate(shop)
    waiting = [shop.start("migrate") for _ in range(count - 1)]
    for process in waiting:
        read_until(process.stderr, "Waiting until it has ended")

    open_gate(shop)

    assert "Applying shop.0007" in assert_ends_well(working)
    for process in waiting:
        assert "No migrations to apply" in assert_ends_well(process)
    assert_applied_once(shop)
    assert deadlocks(pg) == deadlocks_before


def test_all_begin_at_once(shop: Project, pg: psycopg.Connection) -> None:
    deadlocks_before = deadlocks(pg)
    open_gate(shop)
    outputs = [assert_ends_well(each) for each in [shop.start("migrate") for _ in range(4)]]
    assert sum("Applying shop.0001" in output for output in outputs) == 1
    assert_applied_once(shop)
    assert deadlocks(pg) == deadlocks_before


# Who waits for whom


def name_of(process: subprocess.Popen[str]) -> str:
    return f"zero_downtime migrate {socket.gethostname()}:{process.pid}"


def holder(pg: psycopg.Connection, process: subprocess.Popen[str]) -> str:
    """Return the session of a `migrate` as it is named to others, to begin with."""
    query = "SELECT pid, usename FROM pg_stat_activity WHERE application_name = %s"
    ((pid, user),) = pg.execute(query, [name_of(process)]).fetchall()
    return f"database 'default': pid {pid} ({user}, {name_of(process)}, "


def test_who_waits_says_for_whom(shop: Project, pg: psycopg.Connection) -> None:
    working = start_to_the_gate(shop)
    waiting = shop.start("migrate")
    said = read_until(waiting.stderr, "Another process migrates")
    assert holder(pg, working) in said
    open_gate(shop)
    assert_ends_well(working)
    assert_ends_well(waiting)


@pytest.mark.parametrize("loses_connection", [False, True])
def test_who_may_not_wait_does_nothing_and_says_who_is_at_it(
    shop: Project, pg: psycopg.Connection, loses_connection: bool
) -> None:
    """The one that works keeps its turn, and its name, when it connects anew."""
    write_gate(shop, loses_connection=loses_connection)
    working = start_to_the_gate(shop)

    result = shop.manage("migrate", check=False, settings=IMPATIENT)

    assert result.returncode == 1
    assert f"Another process migrates {holder(pg, working)}" in result.stderr
    assert "Nothing was done. Run the same command again" in result.stderr
    assert "Applying" not in result.stdout
    assert journal(shop) == [("0001", "applied"), ("0002", "running")]
    open_gate(shop)
    assert_ends_well(working)
    assert_applied_once(shop)


def test_one_that_is_killed_leaves_its_turn_to_the_next(shop: Project) -> None:
    working = start_to_the_gate(shop)
    waiting = shop.start("migrate")
    read_until(waiting.stderr, "Another process migrates")

    working.send_signal(signal.SIGKILL)

    read_until(waiting.stderr, SIGN)
    open_gate(shop)
    assert "Applying shop.0002" in assert_ends_well(waiting)
    assert_applied_once(shop)


# Who waits for nobody


@pytest.fixture
def other_shop(shop: Project, server_url: str, tmp_path: Any) -> Iterator[Project]:
    with temporary_database(server_url) as url, Project(tmp_path / "other", url) as other:
        other.write_migration("0001_initial", INITIAL)
        yield other


def test_two_databases_of_a_server_are_migrated_at_once(shop: Project, other_shop: Project) -> None:
    working = start_to_the_gate(shop)
    other_shop.manage("migrate", settings=IMPATIENT)
    assert journal(other_shop) == [("0001", "applied")]
    assert working.poll() is None


TESTS = """
    from django.core.management import call_command
    from django.db import connection
    from django.test import TestCase

    class Migrating(TestCase):
        def tables(self):
            return connection.introspection.table_names()

        def test_there_and_back_again(self):
            call_command("migrate", "shop", "zero", verbosity=0)
            self.assertNotIn("shop_user", self.tables())
            call_command("migrate", "shop", verbosity=0)
            self.assertIn("shop_user", self.tables())
"""


def test_inside_the_transaction_of_a_test_case(other_shop: Project) -> None:
    other_shop.write("shop/tests.py", TESTS)
    result = other_shop.manage("test", "--noinput")
    assert "Ran 1 test" in result.stderr
    assert result.stderr.count("Another process") == 0
