"""Changing the type of a field over three deploys, as a user types it."""

from __future__ import annotations

import json

import pytest

from tests.support.project import Project
from tests.support.retyped_shop import (
    NUMBER,
    TEXT,
    ages,
    insert_ages,
    write_retyping,
    write_untyped_shop,
)
from tests.support.sessions import holding
from tests.support.shop import applied, columns

HIDDEN = "zero_downtime_age"
BACKFILL = "shop.0003_alter_age_backfill"


def age_types(project: Project) -> dict[str, str]:
    """Return the types of the columns that hold ages."""
    rows = project.rows(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = 'shop_user' AND column_name LIKE '%age'"
    )
    return dict(rows)


def expanded_shop(project: Project, *values: str, field: str = NUMBER, ways: str = "") -> None:
    """A shop with rows whose change of type is expanded and backfilled."""
    write_untyped_shop(project)
    project.manage("migrate")
    insert_ages(project, *values)
    write_retyping(project, field, ways)
    project.manage("migrate")
    assert applied(project) == ["0001", "0002", "0003"]


def switched_shop(project: Project, *values: str) -> None:
    expanded_shop(project, *values)
    project.manage("migrate")
    assert applied(project) == ["0001", "0002", "0003", "0004"]


def test_a_fresh_database_gets_everything_in_one_go(project: Project) -> None:
    write_untyped_shop(project)
    write_retyping(project)

    project.manage("migrate")

    assert applied(project) == ["0001", "0002", "0003", "0004", "0005"]
    assert age_types(project) == {"age": "integer"}
    dry_run = project.manage("makemigrations", "--dry-run").stdout
    assert "Alter field age" not in dry_run


def test_the_whole_way_on_a_table_with_rows(project: Project) -> None:
    write_untyped_shop(project)
    project.manage("migrate")
    insert_ages(project, *(str(n) for n in range(1, 301)))
    write_retyping(project)

    first = project.manage("migrate", settings={"INLINE_BACKFILL_ROWS": 100})
    assert applied(project) == ["0001", "0002", "0003"]
    assert age_types(project) == {"age": "character varying", HIDDEN: "integer"}
    assert "shop.0004_alter_age_switch: its expand is applied in this same run" in first.stdout

    second = project.manage("migrate")
    assert f"backfill {BACKFILL} is pending" in second.stdout
    project.manage("backfill")
    assert "300 rows compared, none differ" in project.manage("backfill", "--verify").stdout

    third = project.manage("migrate")
    assert applied(project) == ["0001", "0002", "0003", "0004"]
    assert age_types(project) == {"age": "integer", HIDDEN: "character varying"}
    assert "shop.0005_alter_age_contract: its switch is applied in this same run" in third.stdout

    project.manage("migrate")
    assert applied(project) == ["0001", "0002", "0003", "0004", "0005"]
    assert columns(project) == ["id", "name", "age"]
    assert ages(project) == list(range(1, 301))


def test_the_contract_waits_for_the_soak_since_the_switch(project: Project) -> None:
    switched_shop(project, "1")
    held = project.manage("migrate", settings={"CONTRACT_SOAK": 3600})
    assert "it was switched less than 3600 s ago (CONTRACT_SOAK)" in held.stdout
    assert applied(project)[-1] == "0004"


def test_what_does_not_convert_is_reported_with_its_keys_and_can_be_mended(
    project: Project,
) -> None:
    write_untyped_shop(project)
    project.manage("migrate")
    insert_ages(project, "1", "two", "3", "iv")
    write_retyping(project)

    failed = project.manage("migrate", check=False)

    assert failed.returncode == 1
    assert 'invalid input syntax for type integer: "two"' in failed.stderr
    assert ages(project) == ["1", "two", "3", "iv"]
    (listed,) = json.loads(project.manage("backfill", "--list", "--json").stdout)["backfills"]
    assert (listed["status"], listed["failed_batches"]) == ("failed", 2)

    with project.connect() as connection:
        connection.execute("UPDATE shop_user SET age = '2' WHERE id = 2")
        connection.execute("UPDATE shop_user SET age = '4' WHERE id = 4")
    project.manage("migrate")
    project.manage("migrate")
    assert applied(project)[-1] == "0004"
    assert ages(project) == [1, 2, 3, 4]


def test_a_write_that_does_not_convert_succeeds_and_the_switch_names_its_key(
    project: Project,
) -> None:
    expanded_shop(project, "1", "2", "3")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_user (name, age) VALUES ('x', 'none of yours')")
        connection.execute("UPDATE shop_user SET age = 'unknown' WHERE id = 2")

    refused = project.manage("migrate", check=False)

    assert refused.returncode == 1
    assert "2 of 4 rows differ (keys 2, 4)" in refused.stderr
    assert "are not there as integer" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert applied(project)[-1] == "0003"
    with project.connect() as connection:
        connection.execute("UPDATE shop_user SET age = '5' WHERE id IN (2, 4)")
    project.manage("migrate")
    assert ages(project) == [1, 5, 3, 5]


def test_after_the_switch_the_old_column_is_kept_true_for_the_way_back(project: Project) -> None:
    switched_shop(project, "1", "02", "3")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_user (name, age) VALUES ('new', 4)")
        connection.execute("UPDATE shop_user SET age = 33 WHERE id = 3")
        connection.execute("DELETE FROM shop_user WHERE id = 1")

    project.manage("migrate", "shop", "0003")

    assert age_types(project) == {"age": "character varying", HIDDEN: "integer"}
    assert ages(project) == ["02", "33", "4"]
    project.manage("migrate")
    assert ages(project) == [2, 33, 4]


def test_values_that_the_old_type_cannot_hold_are_named_when_going_back(project: Project) -> None:
    write_untyped_shop(project, NUMBER)
    project.manage("migrate")
    insert_ages(project, 1, 2)
    write_retyping(project, "models.BigIntegerField()")
    project.manage("migrate")
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute(f"UPDATE shop_user SET age = {2**40} WHERE id = 2")
    assert project.rows(f"SELECT {HIDDEN} FROM shop_user ORDER BY id") == [(1,), (None,)]

    refused = project.manage("migrate", "shop", "0003", check=False)

    assert refused.returncode == 1
    assert "1 of 2 rows differ (keys 2)" in refused.stderr
    assert ages(project) == [1, 2**40]
    with project.connect() as connection:
        connection.execute("UPDATE shop_user SET age = 22 WHERE id = 2")
    project.manage("migrate", "shop", "0003")
    assert ages(project) == [1, 22]


def test_all_the_way_back(project: Project) -> None:
    switched_shop(project, "1", "2")
    project.manage("migrate")
    assert applied(project)[-1] == "0005"
    with project.connect() as connection:
        connection.execute("UPDATE shop_user SET age = 22 WHERE id = 2")

    project.manage("migrate", "shop", "0001")

    assert columns(project) == ["id", "name", "age"]
    assert ages(project) == ["1", "22"]
    assert json.loads(project.manage("backfill", "--list", "--json").stdout)["backfills"] == []
    assert project.rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert project.rows("SELECT proname FROM pg_proc WHERE proname LIKE '%zero_downtime%'") == []


def test_back_from_the_contract_on_a_large_table_the_backfill_fills_the_old_column(
    project: Project,
) -> None:
    switched_shop(project, *(str(n) for n in range(20)))
    project.manage("migrate")

    back = project.manage("migrate", "shop", "0004", settings={"INLINE_BACKFILL_ROWS": 5})

    assert f"Run: manage.py backfill {BACKFILL}" in back.stdout
    refused = project.manage("migrate", "shop", "0003", check=False)
    assert "20 of 20 rows differ" in refused.stderr
    project.manage("backfill")
    assert "none differ" in project.manage("backfill", "--verify").stdout
    project.manage("migrate", "shop", "0003")
    assert ages(project) == [str(n) for n in range(20)]


def test_a_default_that_only_the_database_knows_comes_along(project: Project) -> None:
    write_untyped_shop(project)
    project.manage("migrate")
    insert_ages(project, "1")
    with project.connect() as connection:
        connection.execute("ALTER TABLE shop_user ALTER COLUMN age SET DEFAULT '18'")
    write_retyping(project)
    project.manage("migrate")
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_user (name) VALUES ('grown up')")
    assert ages(project) == [1, 18]
    project.manage("migrate", "shop", "0001")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_user (name) VALUES ('grown up')")
    assert ages(project) == ["1", "18", "18"]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE VIEW young AS SELECT age FROM shop_user", "view young"),
        ("CREATE INDEX by_hand ON shop_user (age)", "by_hand"),
        ("ALTER TABLE shop_user ADD CHECK (age <> '')", "shop_user_age_check"),
        (
            "CREATE STATISTICS both_of_them ON age, name FROM shop_user",
            "statistics object both_of_them",
        ),
        (
            "ALTER TABLE shop_user ADD EXCLUDE USING btree (age WITH =)",
            "exclusion constraint shop_user_age_excl",
        ),
        ("ALTER TABLE shop_user ADD zero_downtime_age int", "zero_downtime_age"),
    ],
)
def test_what_cannot_follow_is_named_before_anything_is_put_up(
    project: Project, statement: str, named: str
) -> None:
    write_untyped_shop(project)
    project.manage("migrate")
    insert_ages(project, "1")
    with project.connect() as connection:
        connection.execute(statement.encode())
    write_retyping(project)
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr
    assert applied(project) == ["0001"]


def test_types_without_a_cast_need_expressions(project: Project) -> None:
    write_untyped_shop(project, NUMBER)
    project.manage("migrate")
    write_retyping(project, "models.GenericIPAddressField()")
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert "cannot cast type integer to inet" in refused.stderr
    assert "give forward= and backward=" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_one_transition_of_a_column_at_a_time(project: Project) -> None:
    expanded_shop(project, "1")
    for unapplied in ("0004_alter_age_switch", "0005_alter_age_contract"):
        (project.directory / f"shop/migrations/{unapplied}.py").unlink()
    project.write_migration(
        "0004_other",
        'zd.ExpandAlterField("user", "age", models.BigIntegerField()),',
        [("shop", "0003_alter_age_backfill")],
        atomic=False,
    )
    with project.connect() as connection:
        connection.execute("UPDATE zero_downtime_transition SET kind = 'rename_field'")
    refused = project.manage("migrate", check=False)
    assert "cannot begin while rename_field shop.user.age is under way" in refused.stderr


@pytest.mark.parametrize(
    ("field", "ways", "said"),
    [
        (NUMBER, ', forward=models.functions.Length("name")', "names name"),
        (NUMBER, ", forward=models.Max('age')", "looks at other rows"),
        ("models.DurationField()", ", backward=models.Value(1) / models.F('age')", "backward="),
        ("models.DateTimeField()", ", forward=models.Value(1)", "forward="),
    ],
)
def test_conversions_that_cannot_be_are_refused(
    project: Project, field: str, ways: str, said: str
) -> None:
    write_untyped_shop(project)
    project.manage("migrate")
    write_retyping(project, field, ways)
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_switch_that_gets_no_lock_changes_nothing_and_restricts_nobody(
    project: Project,
) -> None:
    expanded_shop(project, "1", "2")
    project.write("shop/models.py", "")  # whatever the models say now
    with holding(project.database_url, "SELECT FROM shop_user") as busy:
        refused = project.manage(
            "migrate", settings={"LOCK_TIMEOUT": 0.05, "LOCK_DEADLINE": 1}, check=False
        )
        assert refused.returncode == 1
        assert 'Could not lock "shop_user"' in refused.stderr
        busy.rollback()
    project.manage("migrate")
    assert ages(project) == [1, 2]


def test_sqlmigrate_prints_what_will_run(project: Project) -> None:
    write_untyped_shop(project)
    write_retyping(project)
    project.manage("migrate", "shop", "0001")
    expand = project.manage("sqlmigrate", "shop", "0002").stdout
    assert f'ALTER TABLE "shop_user" ADD COLUMN "{HIDDEN}" integer;' in expand
    switch = project.manage("sqlmigrate", "shop", "0004").stdout
    assert f'ALTER TABLE "shop_user" RENAME COLUMN "{HIDDEN}" TO "age";' in switch
    contract = project.manage("sqlmigrate", "shop", "0005").stdout
    assert f'ALTER TABLE "shop_user" DROP COLUMN "{HIDDEN}";' in contract


def test_only_the_switch_does_something_where_there_is_no_postgresql(project: Project) -> None:
    project.add_settings(
        """
        DATABASES["default"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}
        """
    )
    write_untyped_shop(project, TEXT)
    write_retyping(project)
    project.manage("migrate")
    dry_run = project.manage("makemigrations", "--dry-run").stdout
    assert "Alter field age" not in dry_run
    project.manage("migrate", "shop", "0001")
