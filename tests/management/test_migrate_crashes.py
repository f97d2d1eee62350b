"""`migrate` is killed before any statement of a migration that is not atomic, and run again.

The migration has ten operations: ours, Django's, SQL and Python, several of which would fail or do
harm if they ran twice. In the end the schema, the rows and the journal are those of a run that
nobody killed. The short form kills it at every ninth statement, the long one, `-m slow`, at all.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from devtools.database_url import database_settings
from tests.support import mortal
from tests.support.databases import copied_database, temporary_database
from tests.support.django_database import django_connected_to
from tests.support.project import Project
from tests.support.schema import read_schema

USERS = """
    migrations.CreateModel(
        "User",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=50)),
            ("age", models.IntegerField(null=True)),
            ("city", models.CharField(max_length=50, db_default="")),
        ],
        options={"indexes": [models.Index(fields=["city"], name="city_idx")]},
    ),
"""

TEN = """
    from django.contrib.postgres.operations import AddIndexConcurrently
    from django.db import migrations, models
    from django.db.models import Q
    from zero_downtime import operations as zd

    def log(apps, schema_editor):
        apps.get_model("shop", "user").objects.create(name="log", age=1)

    class Migration(migrations.Migration):
        atomic = False
        dependencies = [("shop", "0001_initial")]
        operations = [
            zd.AddFieldConcurrently(
                "user", "note", models.CharField(max_length=20, db_index=True, db_default="")
            ),
            migrations.CreateModel(
                "Order",
                fields=[
                    ("id", models.BigAutoField(primary_key=True)),
                    ("user", models.ForeignKey("shop.User", models.CASCADE)),
                    ("code", models.SlugField(unique=True)),
                ],
            ),
            migrations.AddField("user", "first", models.ForeignKey(
                "shop.Order", models.SET_NULL, null=True, related_name="+")),
            migrations.RunSQL([
                "INSERT INTO shop_user (name, age, city, note) VALUES ('sql', 1, '', '')",
                "UPDATE shop_user SET age = age + 1",
                "INSERT INTO shop_user (name, age, city, note) VALUES ('sql', 1, '', '')",
            ]),
            AddIndexConcurrently("user", models.Index(fields=["age"], name="age_idx")),
            migrations.RunSQL([
                "CREATE UNIQUE INDEX CONCURRENTLY by_hand ON shop_user (name, id)",
                "DROP INDEX CONCURRENTLY city_idx",
                "CREATE INDEX CONCURRENTLY city_idx ON shop_user (city)",
            ]),
            migrations.RunPython(log, atomic=True),
            migrations.AlterField("user", "name", models.CharField(max_length=80, unique=False,
                db_index=True)),
            migrations.SeparateDatabaseAndState(
                database_operations=[
                    migrations.RunSQL("ALTER TABLE shop_user RENAME COLUMN note TO remark"),
                ],
                state_operations=[migrations.RenameField("user", "note", "remark")],
            ),
            zd.AddConstraintConcurrently("user", models.CheckConstraint(
                condition=Q(age__gte=0), name="of_age")),
        ]
"""

LATER = 'migrations.AddField("user", "last", models.TextField(null=True)),'


class Dying:
    """A project whose `migrate` is killed at will."""

    def __init__(self, project: Project) -> None:
        self.process = project.start_script(mortal.__file__, settings={"MIGRATE": "off"})

    def migrate(self, url: str, victim: int = 0) -> dict[str, Any]:
        """Migrate a database; die before statement number `victim`, unless that is 0."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(victim, database_settings(url)["NAME"], file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, self.process.communicate()[1]
        return dict(json.loads(answer))


@pytest.fixture(scope="module")
def original(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A shop with two users, and ten operations to be applied."""
    directory = tmp_path_factory.mktemp("original")
    with temporary_database(server_url) as url, Project(directory, url) as project:
        project.write_migration("0001_initial", USERS)
        project.manage("migrate")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("INSERT INTO shop_user (name, age) VALUES ('ann', 30), ('bob', 40)")
        project.write("shop/migrations/0002_ten.py", TEN)
        project.write_migration("0003_later", LATER, [("shop", "0002_ten")])
        yield project


def outcome(connection: BaseDatabaseWrapper) -> list[Any]:
    """Return the schema, the rows, and what the journal says, but for when and how long."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, age, city, remark, first_id FROM shop_user ORDER BY id")
        users = cursor.fetchall()
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY 1, 2")
        recorded = cursor.fetchall()
        cursor.execute(
            "SELECT entry.name, outcome, error, statements_done, statements_left, "
            "       index, description, done, fingerprint, sql_fingerprint "
            "FROM zero_downtime_journalentry AS entry "
            "LEFT JOIN zero_downtime_journaledoperation AS operation ON entry_id = entry.id "
            "ORDER BY entry.id, index"
        )
        journal = cursor.fetchall()
    return [read_schema(connection), users, recorded, journal]


def assert_survives(
    original: Project, server_url: str, blocker: DjangoDbBlocker, step: int
) -> None:
    dying = Dying(original)

    def end(victim: int) -> tuple[int, list[Any]]:
        with copied_database(server_url, original.database_url) as url:
            if victim:
                assert dying.migrate(url, victim)["status"] == -signal.SIGKILL
            answer = dying.migrate(url)
            assert "error" not in answer, f"killed before {victim}: {answer['error']}"
            with blocker.unblock(), django_connected_to(url) as connection:
                return answer["sent"], outcome(connection)

    statements, expected = end(0)
    assert statements > 50
    for victim in range(1, statements + 1, step):
        _, found = end(victim)
        assert found == expected, f"killed before statement {victim}"


def test_killed_at_some_statements(
    original: Project, server_url: str, django_db_blocker: DjangoDbBlocker
) -> None:
    assert_survives(original, server_url, django_db_blocker, step=9)


@pytest.mark.slow
def test_killed_at_every_statement(
    original: Project, server_url: str, django_db_blocker: DjangoDbBlocker
) -> None:
    assert_survives(original, server_url, django_db_blocker, step=1)
