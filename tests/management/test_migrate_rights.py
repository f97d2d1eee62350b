"""`manage.py migrate` as a role that is nothing special, and what `--plan` expects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql

from tests.support.project import Project
from tests.support.shop import applied, insert_users, write_shop

INDEX = 'zd.AddIndexConcurrently("user", models.Index(fields=["age"], name="user_age_idx")),'


@pytest.fixture
def role(project: Project) -> Iterator[str]:
    """A role without any rights but to create tables."""
    name = f"zd_{project.directory.parent.name}"
    quoted = sql.Identifier(name).as_string(None)
    connection = project.connect()
    connection.execute(f"CREATE ROLE {quoted}")
    connection.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {quoted}")
    yield name
    connection.execute(f"DROP OWNED BY {quoted}")
    connection.execute(f"DROP ROLE {quoted}")


def become(project: Project, role: str) -> None:
    project.add_settings(f"DATABASES['default']['OPTIONS']['assume_role'] = {role!r}")


def test_an_ordinary_role_migrates_what_it_owns(project: Project, role: str) -> None:
    become(project, role)
    write_shop(project)
    project.manage("migrate")
    project.write_migration("0002_index", INDEX, [("shop", "0001_initial")], atomic=False)
    project.manage("migrate")
    assert applied(project) == ["0001", "0002"]

    project.manage("migrate", "shop", "zero")
    assert applied(project) == []


def test_a_missing_right_is_said_before_anything_runs(project: Project, role: str) -> None:
    write_shop(project)
    project.manage("migrate")
    project.write_migration(
        "0002_new",
        'migrations.CreateModel("New", [("id", models.BigAutoField(primary_key=True))]),',
        [("shop", "0001_initial")],
    )
    project.write_migration("0003_index", INDEX, [("shop", "0002_new")], atomic=False)
    rows = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
    project.connect().execute(f'GRANT {rows} TO "{role}"')
    become(project, role)

    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert 'shop.0003_index changes table "shop_user", which only its owner may' in refused.stderr
    assert f'TO "{role}";' in refused.stderr
    assert applied(project) == ["0001"]

    back = project.manage("migrate", "shop", "zero", check=False)
    assert 'shop.0001_initial changes table "shop_user"' in back.stderr
    assert applied(project) == ["0001"]

    tried = project.manage("migrate", "--unsafe", "to see what happens", check=False)
    assert tried.returncode != 0
    assert "which only its owner may" not in tried.stderr
    assert applied(project) == ["0001", "0002"]  # and PostgreSQL refused the other


def test_the_plan_says_what_to_expect(project: Project) -> None:
    write_shop(project)
    assert "Create model User: new table" in project.manage("migrate", "--plan").stdout
    project.manage("migrate")
    insert_users(project, 50_000)
    project.connect().execute("ANALYZE shop_user")
    project.write_migration("0002_index", INDEX, [("shop", "0001_initial")], atomic=False)

    plan = project.manage("migrate", "--plan").stdout
    assert plan.index("Planned operations:") < plan.index("Expected:\n  shop.0002_index\n")
    assert (
        '"shop_user" (about 50 k rows): SHARE UPDATE EXCLUSIVE for less than a second, '
        "reads and writes go on" in plan
    )
