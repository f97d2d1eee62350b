"""What Django's own commands and the optimizer make of our operations."""

from __future__ import annotations

import pytest
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.optimizer import MigrationOptimizer
from django.db.migrations.writer import OperationWriter

from tests.support.project import Project
from tests.support.shop import write_shop
from zero_downtime import operations as zd

INDEX = models.Index(fields=["age"], name="by_age")
AGE = models.IntegerField(null=True)


def optimized(*operations: Operation) -> list[str]:
    return [repr(each) for each in MigrationOptimizer().optimize(list(operations), "shop")]


def test_an_index_that_is_removed_again_is_never_built() -> None:
    added, removed = (
        zd.AddIndexConcurrently("user", INDEX),
        zd.RemoveIndexConcurrently("user", "by_age"),
    )
    assert optimized(added, removed) == []


def test_a_field_that_is_altered_is_added_as_it_ends_and_still_concurrently() -> None:
    longer = models.CharField(max_length=40, null=True)
    (found,) = MigrationOptimizer().optimize(
        [
            zd.AddFieldConcurrently("user", "nick", models.CharField(max_length=20, null=True)),
            zd.AlterFieldConcurrently("user", "nick", longer),
        ],
        "shop",
    )
    assert type(found) is zd.AddFieldConcurrently
    assert found.field is longer


def test_of_two_alterations_the_last_remains_and_still_concurrently() -> None:
    (found,) = MigrationOptimizer().optimize(
        [
            zd.AlterFieldConcurrently("user", "age", models.IntegerField()),
            zd.AlterFieldConcurrently("user", "age", AGE),
        ],
        "shop",
    )
    assert type(found) is zd.AlterFieldConcurrently


def test_with_a_new_table_nothing_is_left_to_do_concurrently() -> None:
    create = migrations.CreateModel("User", fields=[("id", models.BigAutoField(primary_key=True))])
    (found,) = MigrationOptimizer().optimize(
        [create, zd.AddFieldConcurrently("user", "age", AGE)], "shop"
    )
    assert type(found) is migrations.CreateModel
    assert [name for name, _ in found.fields] == ["id", "age"]


def test_the_halves_of_a_rename_are_not_merged_across_what_is_between() -> None:
    halves = [
        zd.ExpandRenameField("user", "name", "full_name"),
        zd.BackfillField("user", "full_name"),
        zd.ContractRenameField("user", "name", "full_name"),
    ]
    assert len(optimized(*halves)) == 3


@pytest.mark.parametrize(
    ("operation", "fragment"),
    [
        (zd.AddIndexConcurrently("user", INDEX), "user_by_age"),
        (zd.RemoveIndexConcurrently("user", "by_age"), "remove_user_by_age"),
        (zd.AddFieldConcurrently("user", "age", AGE), "user_age"),
        (zd.AlterFieldConcurrently("user", "age", AGE), "alter_user_age"),
        (
            zd.AddConstraintConcurrently(
                "user", models.UniqueConstraint(fields=["age"], name="once")
            ),
            "user_once",
        ),
        (zd.ExpandRenameField("user", "a", "b"), "rename_a_user_b_expand"),
        (zd.ContractRenameField("user", "a", "b"), "rename_a_user_b_contract"),
        (zd.BackfillField("user", "b"), "user_b_backfill"),
    ],
)
def test_names_of_migrations(operation: Operation, fragment: str) -> None:
    assert operation.migration_name_fragment == fragment
    kind = type("Migration", (Migration,), {"operations": [operation]})
    assert kind("x", "shop").suggest_name() == fragment


def test_migration_files_name_the_package_not_the_module() -> None:
    for operation in (
        zd.AddIndexConcurrently("user", INDEX),
        zd.ExpandRenameField("user", "a", "b"),
        zd.BackfillField("user", "b"),
    ):
        source, imports = OperationWriter(operation, indentation=0).serialize()
        assert source.startswith(f"zero_downtime.operations.{type(operation).__name__}(")
        assert "import zero_downtime.operations" in imports


CONCURRENT = """
    zd.AddIndexConcurrently("user", models.Index(fields=["age"], name="by_age")),
    zd.AddFieldConcurrently(
        "user", "nick", models.CharField(max_length=9, default="", unique=True)
    ),
    zd.AddConstraintConcurrently(
        "user", models.CheckConstraint(condition=Q(age__gte=0), name="of_age")
    ),
    zd.AlterFieldConcurrently("user", "name", models.CharField(max_length=100, null=True)),
"""


def test_sqlmigrate_before_the_table_exists(project: Project) -> None:
    write_shop(project)
    project.write_migration("0002_more", CONCURRENT, [("shop", "0001_initial")], atomic=False)

    sql = project.manage("sqlmigrate", "shop", "0002").stdout

    assert "BEGIN" not in sql
    assert "COMMIT" not in sql
    for statement in (
        'CREATE INDEX CONCURRENTLY "by_age" ON "shop_user" ("age");',
        'ALTER TABLE "shop_user" ADD COLUMN "nick" character varying(9) DEFAULT \'\' NOT NULL;',
        'CREATE UNIQUE INDEX CONCURRENTLY "shop_user_nick_key" ON "shop_user" USING btree (nick);',
        'ALTER TABLE "shop_user" ADD CONSTRAINT "shop_user_nick_key" UNIQUE USING INDEX',
        'ALTER TABLE "shop_user" ADD CONSTRAINT "of_age" CHECK ("age" >= 0) NOT VALID;',
        'ALTER TABLE "shop_user" VALIDATE CONSTRAINT "of_age";',
        'ALTER TABLE "shop_user" ALTER COLUMN "name" DROP NOT NULL;',
    ):
        assert statement in sql
    assert project.rows("SELECT to_regclass('shop_user')") == [(None,)]


def test_squashed_migrations_end_where_the_single_ones_do(project: Project) -> None:
    write_shop(project)
    project.write_migration("0002_more", CONCURRENT, [("shop", "0001_initial")], atomic=False)
    project.manage("squashmigrations", "shop", "0001", "0002", "--noinput")

    project.manage("migrate")

    columns = project.rows(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'shop_user'::regclass AND attnum > 0"
    )
    assert columns == [("id",), ("name",), ("age",), ("nick",)]
    assert project.rows("SELECT count(*) FROM django_migrations WHERE app = 'shop'") == [(3,)]


def test_a_squashed_backfill_is_refused_before_and_while_it_runs(project: Project) -> None:
    """squashmigrations writes a migration that is atomic; nobody has to read a traceback."""
    write_shop(project)
    backfill = 'zd.BackfillField("user", "age", value=18),'
    project.write_migration("0002_fill", backfill, [("shop", "0001_initial")], atomic=False)
    project.manage("squashmigrations", "shop", "0001", "0002", "--noinput")

    linted = project.manage("lintmigrations", check=False)
    assert linted.returncode == 1
    assert "ZD302 non-atomic-operation-in-transaction" in linted.stdout

    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert "shop.0001_initial_squashed_0002_fill: ZD302" in refused.stderr
    assert "Set `atomic = False` on the Migration class." in refused.stderr

    failed = project.manage("migrate", "--unsafe", "all the same", check=False)
    assert failed.returncode == 1
    assert failed.stderr.strip() == (
        "Refused: BackfillField cannot run inside a transaction: set `atomic = False` on its "
        "Migration class. squashmigrations leaves that out."
    )
    assert project.rows("SELECT to_regclass('shop_user')") == [(None,)]

    (squashed,) = (project.directory / "shop/migrations").glob("0001_initial_squashed*.py")
    source = squashed.read_text()
    squashed.write_text(source.replace("    replaces =", "    atomic = False\n    replaces ="))
    project.manage("lintmigrations")
    project.manage("migrate")


ROUTER = """
    class NothingOfTheShop:
        def allow_migrate(self, db, app_label, **hints):
            return False if app_label == "shop" else None
"""


def test_a_router_that_forbids_it_is_obeyed(project: Project) -> None:
    write_shop(project)
    project.write_migration("0002_more", CONCURRENT, [("shop", "0001_initial")], atomic=False)
    project.write("routers.py", ROUTER)
    settings = (project.directory / "settings.py").read_text()
    project.write("settings.py", settings + '\nDATABASE_ROUTERS = ["routers.NothingOfTheShop"]\n')

    project.manage("migrate")

    assert project.rows("SELECT to_regclass('shop_user')") == [(None,)]
