"""`manage.py migrate` on a fresh database, and what its options do."""

from __future__ import annotations

import json

import pytest

from tests.support.project import Project
from tests.support.shop import (
    INITIAL,
    applied,
    columns,
    insert_users,
    journal,
    write_rename,
    write_shop,
)


def own_tables(project: Project) -> int:
    ((count,),) = project.rows(
        "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'zero_downtime_%'"
    )
    return int(count)


# Our own tables


def test_looking_at_a_fresh_database_changes_nothing(project: Project) -> None:
    write_shop(project)
    write_rename(project)
    plan = project.manage("migrate", "--plan").stdout
    assert "zero_downtime.0001_initial" in plan
    assert "shop.0004_rename_name_contract" in plan
    assert project.manage("migrate", "--check", check=False).returncode == 1
    assert project.manage("migrate", "--history").stdout == ""
    assert own_tables(project) == 0


def test_one_app_on_a_fresh_database_gets_our_tables_first(project: Project) -> None:
    write_shop(project)
    output = project.manage("migrate", "shop").stdout
    assert output.index("Applying zero_downtime.0001") < output.index("Applying shop.0001")
    assert applied(project) == ["0001"]


def test_our_tables_come_and_go_like_those_of_any_app(project: Project) -> None:
    write_shop(project)
    project.manage("migrate", "zero_downtime")
    assert own_tables(project) > 0
    project.manage("migrate", "zero_downtime", "zero")
    assert own_tables(project) == 0
    project.manage("migrate")
    assert own_tables(project) > 0
    assert applied(project) == ["0001"]


def test_without_migrations_all_is_synchronized(project: Project) -> None:
    """As test runners do that are told to leave migrations out."""
    write_shop(project)
    project.add_settings("MIGRATION_MODULES = {'zero_downtime': None, 'shop': None}")
    project.manage("migrate", "--run-syncdb")
    assert columns(project) == ["id", "name", "age"]
    assert own_tables(project) > 0


ROUTER = """
    class Router:
        def allow_migrate(self, db, app_label, **hints):
            return app_label == "shop"
"""


def test_routers_do_not_keep_our_tables_out(project: Project) -> None:
    """They have to be in the database whose changes they record."""
    write_shop(project)
    project.write("routers.py", ROUTER)
    project.add_settings("DATABASE_ROUTERS = ['routers.Router']")
    project.manage("migrate")
    assert own_tables(project) > 0
    assert journal(project) == [("0001", "applied")]


def test_where_our_tables_cannot_be_the_rest_is_migrated(project: Project) -> None:
    write_shop(project)
    project.write("routers.py", ROUTER)
    project.add_settings("DATABASE_ROUTERS = ['routers.Router']")
    project.add_settings("MIGRATION_MODULES = {'zero_downtime': None}")
    project.manage("migrate", "--run-syncdb")
    assert own_tables(project) == 0
    assert applied(project) == ["0001"]


# What the command line says


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shp"], "There is no app with migrations 'shp'. Did you mean 'shop'?"),
        (
            ["shop", "0001_intial"],
            "There is no migration in app 'shop' '0001_intial'. Did you mean '0001_initial'?",
        ),
    ],
)
def test_a_typo_gets_one_line_and_changes_nothing(
    project: Project, arguments: list[str], message: str
) -> None:
    write_shop(project)
    result = project.manage("migrate", *arguments, check=False)
    assert result.returncode == 2
    assert result.stderr.endswith(f": {message}\n")
    assert result.stderr.count("\n") == 1
    assert own_tables(project) == 0


def test_silence_when_asked_for(project: Project) -> None:
    write_shop(project)
    result = project.manage("migrate", "-v", "0")
    assert (result.stdout, result.stderr) == ("", "")
    assert applied(project) == ["0001"]


def test_the_plan_says_what_is_under_way_and_what_waits_for_what(project: Project) -> None:
    write_shop(project)
    write_rename(project)
    assert "Under way" not in project.manage("migrate", "--plan").stdout  # nothing has begun

    project.manage("migrate", "shop", "0001")
    insert_users(project, 10)
    plan = project.manage("migrate", "--plan").stdout
    assert "0004_rename_name_contract (contract): held back: its expand is applied in this" in plan

    project.manage("migrate")
    project.connect().execute("UPDATE shop_user SET name = 'old code'")
    plan = project.manage("migrate", "--plan").stdout
    begun = "rename_field shop.user.name -> full_name: expanded by shop.0002_rename_name_expand"
    assert begun in plan
    assert plan.count("old code last wrote 'name'") == 2
    assert applied(project) == ["0001", "0002", "0003"]


def test_faking_records_and_does_nothing(project: Project) -> None:
    write_shop(project)
    project.manage("migrate", "shop", "--fake")
    assert applied(project) == ["0001"]
    assert columns(project) == []


# What is refused, and what is held back


def test_on_an_empty_table_nobody_notices(project: Project) -> None:
    write_shop(project)
    project.manage("migrate")
    project.write_migration(
        "0002_index",
        'migrations.AddIndex("user", models.Index(fields=["age"], name="age_idx")),',
        [("shop", "0001_initial")],
    )
    project.manage("migrate")
    assert applied(project) == ["0001", "0002"]


def test_a_model_that_was_renamed_before_is_new_on_a_fresh_database_all_the_same(
    project: Project,
) -> None:
    write_shop(project)
    write_rename(project)
    project.write_migration("0001_initial", INITIAL.replace('"User"', '"Person"'))
    project.write_migration(
        "0001_5", 'migrations.RenameModel("Person", "User"),', [("shop", "0001_initial")]
    )
    project.write_migration(
        "0002_rename_name_expand",
        'zd.ExpandRenameField("user", "name", "full_name"),',
        [("shop", "0001_5")],
        atomic=False,
    )
    project.manage("migrate")
    assert columns(project) == ["id", "full_name", "age"]


# Everything in one go

SEED = """
    from django.db import migrations

    class Migration(migrations.Migration):
        dependencies = [("shop", "0001_initial")]
        operations = [
            migrations.RunSQL(
                "INSERT INTO shop_user (name, age) "
                "SELECT 'name ' || n, n FROM generate_series(1, 20) AS n"
            ),
        ]
"""
# Each would keep a contract waiting where somebody uses the table.
CAUTIOUS = {"INLINE_BACKFILL_ROWS": 10, "CONTRACT_SOAK": 3600}


def write_seeded_rename(project: Project) -> None:
    """Migrations that put rows in, and later rename a field and call a function on each row."""
    write_shop(project)
    write_rename(project)
    project.write("shop/migrations/0001_seed.py", SEED)
    project.write_migration(
        "0002_rename_name_expand",
        'zd.ExpandRenameField("user", "name", "full_name"),',
        [("shop", "0001_seed")],
        atomic=False,
    )
    project.write_migration(
        "0005_age",
        'zd.BackfillField("user", "age", value=F("age") + 1),',
        [("shop", "0004_rename_name_contract")],
        atomic=False,
    )


def test_a_fresh_database_is_finished_in_one_run_whatever_migrations_put_into_it(
    project: Project,
) -> None:
    write_seeded_rename(project)
    output = project.manage("migrate", settings=CAUTIOUS).stdout
    assert "Held back" not in output
    assert "manage.py backfill" not in output
    assert columns(project) == ["id", "full_name", "age"]
    assert project.rows("SELECT count(*), min(age) FROM shop_user") == [(20, 2)]


def test_so_is_a_table_that_was_empty_when_the_run_began(project: Project) -> None:
    write_shop(project)
    project.manage("migrate")
    write_seeded_rename(project)
    project.manage("migrate", settings=CAUTIOUS)
    assert columns(project) == ["id", "full_name", "age"]


def test_a_table_that_somebody_filled_before_its_migration_is_faked_is_in_use(
    project: Project,
) -> None:
    write_shop(project)
    with project.connect() as connection:
        connection.execute(
            "CREATE TABLE shop_user (id bigint PRIMARY KEY, name varchar(100), age integer)"
        )
        connection.execute("INSERT INTO shop_user VALUES (1, 'Ann', 40)")
    write_rename(project)
    output = project.manage("migrate", "--fake-initial").stdout
    assert "shop.0004_rename_name_contract: its expand is applied in this same run" in output
    assert applied(project) == ["0001", "0002", "0003"]


# Going back

TIDY = """
    from django.db import migrations
    from zero_downtime import operations as zd

    def tidy_names(apps, users):
        pass

    class Migration(migrations.Migration):
        atomic = False
        dependencies = [("shop", "0001_initial")]
        operations = [{operation}]
"""


@pytest.mark.parametrize(
    ("operation", "description"),
    [
        ('zd.BatchedRunPython(tidy_names, "user")', "Call tidy_names on user in batches"),
        ('migrations.RunSQL("SELECT 1")', "Raw SQL operation"),
        (
            'migrations.SeparateDatabaseAndState([zd.BatchedRunPython(tidy_names, "user")])',
            "Call tidy_names on user in batches",
        ),
    ],
)
def test_where_there_is_no_way_back_nothing_is_unapplied(
    project: Project, operation: str, description: str
) -> None:
    write_shop(project)
    project.write("shop/migrations/0002_tidy.py", TIDY.format(operation=operation))
    project.write_migration(
        "0003_note",
        'migrations.AddField("user", "note", models.TextField(null=True)),',
        [("shop", "0002_tidy")],
    )
    project.manage("migrate")
    result = project.manage("migrate", "shop", "0001", check=False)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"shop.0002_tidy cannot be unapplied: it has no way back for '{description}'" in (
        result.stderr
    )
    assert "manage.py migrate shop 0002_tidy" in result.stderr
    assert applied(project) == ["0001", "0002", "0003"]
    project.manage("migrate", "shop", "0002_tidy")
    assert applied(project) == ["0001", "0002"]


# Another database


@pytest.fixture
def sqlite(project: Project) -> Project:
    path = str(project.directory / "db.sqlite3")
    engine = "django.db.backends.sqlite3"
    project.add_settings(f"DATABASES = {{'default': {{'ENGINE': {engine!r}, 'NAME': {path!r}}}}}")
    write_shop(project)
    return project


def test_on_sqlite_all_behaves_as_djangos_own_after_one_warning(sqlite: Project) -> None:
    result = sqlite.manage("migrate")
    assert result.stderr.count("\n") == 1
    assert "database 'default' is not PostgreSQL" in result.stderr
    show = "from django.db import connection as c; cursor = c.cursor(); cursor.execute"
    insert = "INSERT INTO shop_user (name, age) VALUES ('Ann', 40)"
    sqlite.manage("shell", "--no-imports", "-c", f'{show}("{insert}")')
    write_rename(sqlite)

    sqlite.manage("migrate")

    select = 'import shop.models as m; print(m.User.objects.values_list("full_name", "age"))'
    shown = sqlite.manage("shell", "--no-imports", "-c", select).stdout
    assert shown == "<QuerySet [('Ann', 40)]>\n"
    sqlite.manage("migrate", "shop", "0001")
    assert json.loads(sqlite.manage("migrate", "--history", "--json").stdout) == {
        "version": 1,
        "migrations": [],
    }
