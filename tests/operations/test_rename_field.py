"""Renaming a field over two deploys, as a user types it."""

from __future__ import annotations

import json

import pytest

from tests.support.project import Project
from tests.support.shop import applied, columns, insert_users, write_rename, write_shop

NO_WAITING = {"CONTRACT_QUIET": 0}


def test_a_fresh_database_gets_everything_in_one_go(project: Project) -> None:
    write_shop(project)
    write_rename(project)

    project.manage("migrate")

    assert applied(project) == ["0001", "0002", "0003", "0004"]
    assert columns(project) == ["id", "full_name", "age"]


def test_the_whole_way_on_a_table_with_rows(project: Project) -> None:
    write_shop(project)
    project.manage("migrate")
    insert_users(project, 1000)
    write_rename(project)

    first = project.manage("migrate", settings={**NO_WAITING, "INLINE_BACKFILL_ROWS": 100})
    assert applied(project) == ["0001", "0002", "0003"]
    assert columns(project) == ["id", "name", "age", "full_name"]
    assert "shop.0004_rename_name_contract" in first.stdout
    assert "manage.py backfill shop.0003_rename_name_backfill" in first.stdout

    second = project.manage("migrate", settings=NO_WAITING)
    assert applied(project) == ["0001", "0002", "0003"]
    assert "backfill shop.0003_rename_name_backfill is pending" in second.stdout

    project.manage("backfill")
    assert project.rows("SELECT count(*) FROM shop_user WHERE name <> full_name") == [(0,)]
    (listed,) = json.loads(project.manage("backfill", "--list", "--json").stdout)["backfills"]
    assert (listed["status"], listed["rows_done"]) == ("succeeded", 1000)

    project.manage("migrate", settings=NO_WAITING)
    assert applied(project) == ["0001", "0002", "0003", "0004"]
    assert columns(project) == ["id", "full_name", "age"]
    assert project.rows("SELECT full_name FROM shop_user WHERE id = 7") == [("name 7",)]


def expanded_shop(project: Project, rows: int = 10, before: str = "") -> None:
    """A shop with rows whose rename is expanded and backfilled; `before` is SQL run ahead of it."""
    write_shop(project)
    project.manage("migrate")
    insert_users(project, rows)
    with project.connect() as connection:
        connection.execute(before or "SELECT 1")
    write_rename(project)
    project.manage("migrate", settings=NO_WAITING)
    assert applied(project) == ["0001", "0002", "0003"]


def test_a_null_written_by_new_code_counts_once_the_backfill_is_done(project: Project) -> None:
    expanded_shop(project, before="ALTER TABLE shop_user ALTER COLUMN name DROP NOT NULL")
    with project.connect() as connection:
        connection.execute("UPDATE shop_user SET full_name = NULL WHERE id = 4")
    assert project.rows("SELECT name, full_name FROM shop_user WHERE id = 4") == [(None, None)]


def test_a_contract_is_refused_when_rows_differ(project: Project) -> None:
    expanded_shop(project)
    with project.connect() as connection:
        connection.execute("SET session_replication_role = replica")  # triggers do not fire
        connection.execute("UPDATE shop_user SET name = 'differs' WHERE id IN (3, 5)")

    refused = project.manage("migrate", settings=NO_WAITING, check=False)

    assert refused.returncode == 1
    assert "2 of 10 rows differ (keys 3, 5)" in refused.stderr
    assert "manage.py backfill shop.0003_rename_name_backfill --repair" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert columns(project) == ["id", "name", "age", "full_name"]

    assert project.manage("backfill", "--verify", check=False).returncode == 1
    project.manage("backfill", "shop.0003_rename_name_backfill", "--repair")
    assert project.manage("backfill", "--verify").returncode == 0
    project.manage("migrate", settings=NO_WAITING)
    assert project.rows("SELECT full_name FROM shop_user WHERE id = 3") == [("differs",)]


def test_everything_of_the_column_comes_along(project: Project) -> None:
    expanded_shop(
        project,
        before="""
        ALTER TABLE shop_user ADD CONSTRAINT name_is_unique UNIQUE (name);
        ALTER TABLE shop_user ADD CONSTRAINT name_is_long CHECK (length(name) > 2);
        ALTER TABLE shop_user ALTER COLUMN name SET DEFAULT 'nobody';
        CREATE INDEX lower_name ON shop_user (lower(name), age) WHERE name <> '';
        CREATE VIEW names AS SELECT name FROM shop_user;
        COMMENT ON COLUMN shop_user.name IS 'how to call them';
        """,
    )
    project.manage("migrate", settings=NO_WAITING)

    constraints = project.rows(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = 'shop_user'::regclass AND contype IN ('c', 'u') ORDER BY conname"
    )
    assert constraints == [
        ("name_is_long", "CHECK ((length((full_name)::text) > 2))"),
        ("name_is_unique", "UNIQUE (full_name)"),
    ]
    assert index_names(project) == ["lower_name", "name_is_unique", "shop_user_pkey"]
    assert project.rows(
        "SELECT attnotnull, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum) "
        "FROM pg_attribute JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum "
        "WHERE attrelid = 'shop_user'::regclass AND attname = 'full_name'"
    ) == [(True, "'nobody'::character varying", "how to call them")]
    assert project.rows("SELECT count(*) FROM names") == [(10,)]


def test_new_code_finds_an_index_on_the_new_name_while_both_live(project: Project) -> None:
    expanded_shop(
        project,
        before="""
        ALTER TABLE shop_user ADD CONSTRAINT name_is_unique UNIQUE (name);
        CREATE INDEX lower_name ON shop_user (lower(name), age DESC) WHERE name <> '';
        CREATE INDEX age_only ON shop_user (age);
        """,
    )
    twins = project.rows(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'shop_user'::regclass "
        "AND pg_get_indexdef(indexrelid) LIKE '%full_name%' AND indisvalid"
    )
    bodies = sorted(sql.partition(" USING ")[2] for (sql,) in twins)
    assert bodies == [
        "btree (full_name)",
        "btree (lower((full_name)::text), age DESC) WHERE ((full_name)::text <> ''::text)",
    ]
    with project.connect() as connection:
        connection.execute(
            "INSERT INTO shop_user (age, full_name) VALUES (1, 'name 7') "
            "ON CONFLICT (full_name) DO UPDATE SET age = 77"
        )
    assert project.rows("SELECT name, age FROM shop_user WHERE id = 7") == [("name 7", 77)]


def index_names(project: Project) -> list[str]:
    rows = project.rows(
        "SELECT indexrelid::regclass::text FROM pg_index "
        "WHERE indrelid = 'shop_user'::regclass ORDER BY 1"
    )
    return [name for (name,) in rows]


def test_a_foreign_key_is_renamed_with_its_index_and_constraint(project: Project) -> None:
    model = """
        from django.db import models

        class Owner(models.Model):
            pass

        class Pet(models.Model):
            {name} = models.ForeignKey(Owner, on_delete=models.CASCADE)
    """
    project.write("shop/models.py", model.format(name="owner"))
    project.manage("makemigrations", "shop")
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_owner VALUES (1), (2)")
        connection.execute("INSERT INTO shop_pet (owner_id) SELECT 1 FROM generate_series(1, 5)")
    project.write("shop/models.py", model.format(name="keeper"))
    project.write_migration(
        "0002_keeper",
        """
        zd.ExpandRenameField("pet", "owner", "keeper"),
        zd.BackfillField("pet", "keeper"),
        """,
        dependencies=[("shop", "0001_initial")],
        atomic=False,
    )
    project.write_migration(
        "0003_keeper",
        'zd.ContractRenameField("pet", "owner", "keeper"),',
        dependencies=[("shop", "0002_keeper")],
        atomic=False,
    )
    project.manage("migrate", settings=NO_WAITING)
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_pet (keeper_id) VALUES (2)")
    assert project.rows("SELECT owner_id, keeper_id FROM shop_pet WHERE id = 6") == [(2, 2)]

    project.manage("migrate", settings=NO_WAITING)

    assert project.rows("SELECT keeper_id FROM shop_pet WHERE id = 6") == [(2,)]
    ((foreign_key,),) = project.rows(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' "
        "AND conrelid = 'shop_pet'::regclass"
    )
    assert foreign_key.startswith("FOREIGN KEY (keeper_id) REFERENCES shop_owner(id)")
    assert "No changes detected" in project.manage("makemigrations", "--check").stdout


def test_back_from_the_contract_and_forward_again(project: Project) -> None:
    expanded_shop(project)
    project.manage("migrate", settings=NO_WAITING)

    back = project.manage("migrate", "shop", "0003", settings={"INLINE_BACKFILL_ROWS": 5})
    assert columns(project) == ["id", "full_name", "age", "name"]
    assert "Run: manage.py backfill shop.0003_rename_name_backfill" in back.stdout
    assert "code that uses 'name' of shop.user reads NULL" in back.stdout
    assert project.rows("SELECT DISTINCT name FROM shop_user") == [(None,)]
    # New code, which is running, reads on.
    assert project.rows("SELECT count(*) FROM shop_user WHERE full_name = 'name ' || id") == [(10,)]
    held = project.manage("migrate", settings=NO_WAITING)
    assert "backfill shop.0003_rename_name_backfill is pending" in held.stdout
    project.manage("backfill")
    project.manage("migrate", settings=NO_WAITING)

    assert columns(project) == ["id", "full_name", "age"]
    assert project.rows("SELECT count(*) FROM shop_user WHERE full_name = 'name ' || id") == [(10,)]


def test_back_from_the_contract_a_small_table_is_filled_at_once(project: Project) -> None:
    """So that old code, which may come back now, reads what is there."""
    expanded_shop(project)
    project.manage("migrate", settings=NO_WAITING)

    back = project.manage("migrate", "shop", "0003")

    assert project.rows("SELECT count(*) FROM shop_user WHERE name = 'name ' || id") == [(10,)]
    assert "reads NULL" not in back.stdout
    project.manage("migrate", settings=NO_WAITING)
    assert columns(project) == ["id", "full_name", "age"]


def test_back_from_the_contract_a_default_does_not_shadow_what_old_code_inserts(
    project: Project,
) -> None:
    """It is the new column that has the default now."""
    expanded_shop(project, before="ALTER TABLE shop_user ALTER COLUMN name SET DEFAULT 'nobody'")
    project.manage("migrate", settings=NO_WAITING)
    project.manage("migrate", "shop", "0003")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_user (name, age) VALUES ('old code', 1)")
        connection.execute("INSERT INTO shop_user (full_name, age) VALUES ('new code', 1)")
        connection.execute("INSERT INTO shop_user (age) VALUES (1)")
    assert project.rows("SELECT name, full_name FROM shop_user WHERE id > 10 ORDER BY id") == [
        ("old code", "old code"),
        ("new code", "new code"),
        ("nobody", "nobody"),
    ]


@pytest.mark.parametrize(("small", "status"), [(5, "pending"), (100, "succeeded")])
def test_back_from_a_contract_that_was_never_expanded_here(
    project: Project, small: int, status: str
) -> None:
    """The database was made by other means, and its migrations were faked."""
    write_shop(project)
    project.manage("migrate")
    insert_users(project, 10)
    with project.connect() as connection:
        connection.execute("ALTER TABLE shop_user RENAME COLUMN name TO full_name")
    write_rename(project)
    project.manage("migrate", "--fake")

    project.manage("migrate", "shop", "0003", settings={"INLINE_BACKFILL_ROWS": small})

    (listed,) = json.loads(project.manage("backfill", "--list", "--json").stdout)["backfills"]
    assert (listed["name"], listed["status"]) == ("shop.0003_rename_name_backfill", status)
    project.manage("backfill")
    project.manage("migrate", settings=NO_WAITING)
    assert columns(project) == ["id", "full_name", "age"]


def test_all_the_way_back(project: Project) -> None:
    expanded_shop(project)
    project.manage("migrate", settings=NO_WAITING)

    project.manage("migrate", "shop", "0001", settings=NO_WAITING)

    assert columns(project) == ["id", "name", "age"]
    assert project.rows("SELECT count(*) FROM shop_user WHERE name = 'name ' || id") == [(10,)]
    assert json.loads(project.manage("backfill", "--list", "--json").stdout)["backfills"] == []
    assert project.rows(
        "SELECT count(*) FROM pg_sequences WHERE sequencename LIKE 'zero%old%'"
    ) == [(0,)]


def test_a_change_of_the_mirror_is_not_dropped_with_it(project: Project) -> None:
    expanded_shop(project)
    with project.connect() as connection:
        connection.execute("CREATE INDEX by_full_name ON shop_user (full_name)")

    refused = project.manage("migrate", settings=NO_WAITING, check=False)

    assert refused.returncode == 1
    assert "by_full_name was added to it" in refused.stderr
    assert columns(project) == ["id", "name", "age", "full_name"]


def test_a_field_that_does_not_exist_is_named_with_those_that_do(project: Project) -> None:
    write_shop(project)
    project.write_migration(
        "0002_typo",
        'zd.ExpandRenameField("user", "nmae", "full_name"),',
        dependencies=[("shop", "0001_initial")],
        atomic=False,
    )
    failed = project.manage("migrate", check=False)
    assert failed.stderr.strip() == (
        "Refused: ExpandRenameField: shop.User has no field 'nmae'. Did you mean 'name'? "
        "Its fields are: id, name, age."
    )
    assert failed.returncode == 1


def test_a_primary_key_is_refused_with_a_way_round(project: Project) -> None:
    write_shop(project)
    project.manage("migrate")
    project.write_migration(
        "0002_key",
        'zd.ExpandRenameField("user", "id", "number"),',
        dependencies=[("shop", "0001_initial")],
        atomic=False,
    )
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert "db_column='id'" in refused.stderr
    assert columns(project) == ["id", "name", "age"]


def test_with_a_fixed_column_name_the_database_notices_nothing(project: Project) -> None:
    project.write_migration(
        "0001_initial",
        """
        migrations.CreateModel("User", fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=100, db_column="label")),
        ]),
        """,
    )
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_user (label) VALUES ('kept')")
    project.write_migration(
        "0002_rename",
        """
        zd.ExpandRenameField("user", "name", "full_name"),
        zd.ContractRenameField("user", "name", "full_name"),
        """,
        dependencies=[("shop", "0001_initial")],
        atomic=False,
    )
    project.manage("migrate", "--unsafe", "nothing happens in the database")
    assert columns(project) == ["id", "label"]


MANY_TO_MANY = """
    from django.db import models

    class User(models.Model):
        {name} = models.ManyToManyField("self", symmetrical=False{db_table})
"""


def test_a_many_to_many_field_is_refused_with_a_way_round(project: Project) -> None:
    fixed = ', db_table="shop_user_friends"'
    project.write("shop/models.py", MANY_TO_MANY.format(name="friends", db_table=""))
    project.manage("makemigrations", "shop")
    project.manage("migrate")
    project.write_migration(
        "0002_rename",
        'zd.ExpandRenameField("user", "friends", "known"),',
        dependencies=[("shop", "0001_initial")],
        atomic=False,
    )
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert "Give it db_table, with the name of that table, in one migration" in refused.stderr
    (project.directory / "shop/migrations/0002_rename.py").unlink()

    schema = project.rows("SELECT oid, relname FROM pg_class WHERE relname LIKE 'shop_%'")
    for name in ("friends", "known"):
        project.write("shop/models.py", MANY_TO_MANY.format(name=name, db_table=fixed))
        project.manage("makemigrations", "shop", input="y\n")
        project.manage("lintmigrations")
        project.manage("migrate")
    assert applied(project) == ["0001", "0002", "0003"]
    assert project.rows("SELECT oid, relname FROM pg_class WHERE relname LIKE 'shop_%'") == schema


def test_sqlmigrate_prints_what_will_run(project: Project) -> None:
    write_shop(project)
    write_rename(project)
    expand = project.manage("sqlmigrate", "shop", "0002").stdout
    assert 'ALTER TABLE "shop_user" ADD COLUMN "full_name" varchar(100);' in expand
    assert "CREATE OR REPLACE TRIGGER" in expand
    contract = project.manage("sqlmigrate", "shop", "0004").stdout
    assert 'ALTER TABLE "shop_user" DROP COLUMN "full_name";' in contract
    assert 'ALTER TABLE "shop_user" RENAME COLUMN "name" TO "full_name";' in contract
    assert project.rows("SELECT to_regclass('shop_user')") == [(None,)]


def test_inside_a_transaction_it_is_refused(project: Project) -> None:
    write_shop(project)
    project.write_migration(
        "0002_atomic",
        'zd.ExpandRenameField("user", "name", "full_name"),',
        dependencies=[("shop", "0001_initial")],
        atomic=True,
    )
    failed = project.manage("migrate", check=False)
    assert failed.returncode != 0
    assert "Set `atomic = False` on the Migration class" in failed.stderr


def test_an_index_that_takes_nulls_for_equal_has_a_twin_that_is_not_unique(
    project: Project,
) -> None:
    expanded_shop(
        project, before="CREATE UNIQUE INDEX one_name ON shop_user (coalesce(name, 'nobody'))"
    )
    assert project.rows(
        "SELECT indisunique, indisvalid FROM pg_index WHERE indrelid = 'shop_user'::regclass "
        "AND pg_get_indexdef(indexrelid) LIKE '%COALESCE(full_name%'"
    ) == [(False, True)]
    project.manage("migrate", settings=NO_WAITING)
    assert index_names(project) == ["one_name", "shop_user_pkey"]


def test_names_may_go_to_and_fro(project: Project) -> None:
    expanded_shop(project)
    project.manage("migrate", settings=NO_WAITING)
    previous = "0004_rename_name_contract"
    for number, (old, new) in [(5, ("full_name", "name")), (8, ("name", "full_name"))]:
        for step, operation in enumerate(
            [
                f'zd.ExpandRenameField("user", "{old}", "{new}"),',
                f'zd.BackfillField("user", "{new}"),',
                f'zd.ContractRenameField("user", "{old}", "{new}"),',
            ]
        ):
            name = f"{number + step:04}_again"
            project.write_migration(name, operation, [("shop", previous)], atomic=False)
            previous = name

        project.manage("migrate", settings=NO_WAITING)
        project.manage("migrate", settings=NO_WAITING)

        assert applied(project)[-1] == f"{number + 2:04}"
        assert columns(project) == ["id", new, "age"]
    assert project.rows("SELECT count(*) FROM shop_user WHERE full_name = 'name ' || id") == [(10,)]


def test_a_table_that_no_backfill_can_walk_is_refused_at_once(project: Project) -> None:
    write_shop(project)
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute("ALTER TABLE shop_user DROP CONSTRAINT shop_user_pkey")
    write_rename(project)
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert 'Table "shop_user" has no primary key' in refused.stderr
    assert columns(project) == ["id", "name", "age"]


def test_computed_values_are_neither_verified_nor_repaired(project: Project) -> None:
    write_shop(project)
    project.write_migration(
        "0002_older",
        'zd.BackfillField("user", "age", value=F("age") + 1),',
        dependencies=[("shop", "0001_initial")],
        atomic=False,
    )
    project.manage("migrate", "shop", "0001")
    insert_users(project, 3)
    project.manage("migrate")
    older = project.rows("SELECT age FROM shop_user ORDER BY id")
    assert older == [(2,), (3,), (4,)]

    for option in ("--verify", "--repair"):
        refused = project.manage("backfill", "shop.0002_older", option, check=False)
        assert refused.returncode == 1
        assert "computes its values" in refused.stderr
        project.manage("backfill", option)
    assert project.rows("SELECT age FROM shop_user ORDER BY id") == older


def test_two_renamed_fields_of_one_constraint_go_back_together(project: Project) -> None:
    expanded = """
        zd.ExpandRenameField("user", "name", "full_name"),
        zd.ExpandRenameField("user", "age", "years"),
        zd.BackfillField("user", "full_name"),
        zd.BackfillField("user", "years"),
    """
    contracted = """
        zd.ContractRenameField("user", "name", "full_name"),
        zd.ContractRenameField("user", "age", "years"),
    """
    write_shop(project)
    project.manage("migrate")
    insert_users(project, 5)
    with project.connect() as connection:
        connection.execute("ALTER TABLE shop_user ADD CONSTRAINT once UNIQUE (name, age)")
    project.write_migration("0002_expand", expanded, [("shop", "0001_initial")], atomic=False)
    project.write_migration("0003_contract", contracted, [("shop", "0002_expand")], atomic=False)
    project.manage("migrate", settings=NO_WAITING)
    project.manage("migrate", settings=NO_WAITING)
    assert columns(project) == ["id", "full_name", "years"]

    project.manage("migrate", "shop", "0002", settings=NO_WAITING)
    project.manage("migrate", "shop", "0001", settings=NO_WAITING)

    assert columns(project) == ["id", "name", "age"]
    assert index_names(project) == ["once", "shop_user_pkey"]


def test_backfill_before_there_is_anything_says_what_to_run(project: Project) -> None:
    refused = project.manage("backfill", "--list", check=False)
    assert refused.returncode == 1
    assert "Run: manage.py migrate" in refused.stderr
    assert "Traceback" not in refused.stderr
