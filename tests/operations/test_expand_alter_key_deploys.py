"""Giving a key, and all that refers to it, a bigger type over three deploys, as a user types it."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.support.project import Project
from tests.support.rekeyed_shop import (
    BACKFILL,
    FAMILY,
    insert_customers,
    key_types,
    write_bigger_keys,
    write_small_keys,
)
from tests.support.shop import applied

LARGE = {"INLINE_BACKFILL_ROWS": 100}
OLD = {table: {"integer"} for table in FAMILY}
NEW = {table: {"bigint"} for table in FAMILY}


def shop(project: Project, customers: int) -> None:
    write_small_keys(project)
    project.manage("migrate")
    insert_customers(project, customers)
    write_bigger_keys(project)


def backfills(project: Project) -> list[dict[str, Any]]:
    listed = json.loads(project.manage("backfill", "--list", "--json").stdout)
    found: list[dict[str, Any]] = listed["backfills"]
    return found


def test_a_fresh_database_gets_everything_in_one_go(project: Project) -> None:
    write_small_keys(project)
    write_bigger_keys(project)
    project.manage("migrate")
    assert applied(project)[-1] == "0005"
    assert key_types(project) == NEW


def test_the_whole_way_on_tables_with_rows(project: Project) -> None:
    shop(project, 300)

    project.manage("migrate", settings=LARGE)
    assert applied(project)[-1] == "0003"
    assert sorted(each["name"] for each in backfills(project)) == [
        BACKFILL,
        f"{BACKFILL}:shop.card.customer",
        f"{BACKFILL}:shop.club_members.customer",
        f"{BACKFILL}:shop.customer.guide",
        f"{BACKFILL}:shop.order.customer",
    ]
    project.manage("backfill", BACKFILL)
    held = project.manage("migrate", settings=LARGE)
    assert f"backfill {BACKFILL}:shop.card.customer is pending" in held.stdout
    project.manage("backfill")
    assert project.manage("backfill", "--verify").stdout.count("300 rows compared, none") == 5

    project.manage("migrate")
    assert applied(project)[-1] == "0004"
    assert key_types(project) == NEW
    project.manage("migrate")
    assert applied(project)[-1] == "0005"
    assert project.rows("SELECT count(*) FROM shop_order WHERE customer_id = id") == [(300,)]


def test_the_switch_waits_for_large_tables_that_point_at_a_small_one(project: Project) -> None:
    shop(project, 3)
    with project.connect() as connection:
        connection.execute(
            "INSERT INTO shop_order (customer_id, total) SELECT 1, n FROM generate_series(1, 200) n"
        )
    project.manage("migrate", "shop", "0002", settings=LARGE)

    held = project.manage("migrate", settings=LARGE)

    name = f"{BACKFILL}:shop.order.customer"
    assert applied(project)[-1] == "0003"
    assert f"in this same run. Run: manage.py backfill {name}; then" in held.stdout
    project.manage("backfill", name)
    project.manage("migrate", settings=LARGE)
    assert applied(project)[-1] == "0004"


def test_keys_beyond_the_old_type_and_no_way_back_with_them(project: Project) -> None:
    shop(project, 3)
    project.manage("migrate")
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute(
            f"INSERT INTO shop_customer (id, name) VALUES ({2**40}, 'big');"
            f"INSERT INTO shop_order (customer_id, total) VALUES ({2**40}, 1)".encode()
        )

    refused = project.manage("migrate", "shop", "0003", check=False)

    assert refused.returncode == 1
    assert f"1 of 4 rows differ (keys {2**40})" in refused.stderr
    assert key_types(project) == NEW
    with project.connect() as connection:
        connection.execute(
            f"DELETE FROM shop_order WHERE customer_id = {2**40};"
            f"DELETE FROM shop_customer WHERE id = {2**40}".encode()
        )
    project.manage("migrate", "shop", "0001")
    assert key_types(project) == OLD


def test_no_way_back_when_the_sequence_has_gone_too_far(project: Project) -> None:
    shop(project, 3)
    project.manage("migrate")
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute(f"SELECT setval('shop_customer_id_seq', {2**31})".encode())
    refused = project.manage("migrate", "shop", "0003", check=False)
    assert refused.stderr.strip() == (
        'Refused: Column "id" of table "shop_customer" cannot become integer: its sequence '
        f'"shop_customer_id_seq", which has come to {2**31}, could not go on.'
    )


def test_all_the_way_back_on_large_tables(project: Project) -> None:
    shop(project, 150)
    for _ in range(3):
        project.manage("migrate")
    with project.connect() as connection:
        connection.execute("INSERT INTO shop_customer (name) VALUES ('new')")

    back = project.manage("migrate", "shop", "0004", settings=LARGE)

    assert f"Run: manage.py backfill {BACKFILL}:shop.order.customer" in back.stdout
    assert {each["status"] for each in backfills(project)} == {"pending"}
    refused = project.manage("migrate", "shop", "0003", check=False)
    assert "151 of 151 rows differ" in refused.stderr
    project.manage("backfill")
    project.manage("migrate", "shop", "0001")
    assert key_types(project) == OLD
    assert backfills(project) == []
    assert project.rows("SELECT max(id) FROM shop_customer") == [(151,)]
    assert project.rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert project.rows("SELECT proname FROM pg_proc WHERE proname LIKE '%zero_downtime%'") == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "CREATE TABLE by_hand (customer integer REFERENCES shop_customer)",
            'Foreign key "by_hand_customer_fkey" on column "customer" of table by_hand',
        ),
        ("CREATE VIEW buyers AS SELECT customer_id FROM shop_order", "view buyers"),
        ("ALTER TABLE shop_order ADD zero_downtime_customer_id int", "zero_downtime_customer_id"),
    ],
)
def test_what_cannot_follow_is_named_before_anything_is_put_up(
    project: Project, statement: str, named: str
) -> None:
    shop(project, 3)
    with project.connect() as connection:
        connection.execute(statement.encode())
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr
    assert applied(project) == ["0001"]
    assert project.rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("models.BigIntegerField(primary_key=True)", "is numbered by the database either"),
        ("models.BigIntegerField()", "is the primary key either before or after"),
    ],
)
def test_other_changes_of_a_key_are_refused_in_one_line(
    project: Project, field: str, said: str
) -> None:
    write_small_keys(project)
    project.manage("migrate")
    operation = f'zd.ExpandAlterField("customer", "id", {field}),'
    project.write_migration("0002_key", operation, [("shop", "0001_initial")], atomic=False)
    refused = project.manage("migrate", check=False)
    assert refused.stderr.startswith("Refused: ExpandAlterField: shop.customer.id")
    assert said in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_foreign_key_that_comes_after_the_expand_is_named_by_the_switch(
    project: Project,
) -> None:
    shop(project, 3)
    project.manage("migrate")
    with project.connect() as connection:
        connection.execute("ALTER TABLE shop_order ADD agent integer REFERENCES shop_customer")
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert 'Foreign key "shop_order_agent_fkey" on column "agent"' in refused.stderr
    assert key_types(project) == OLD


def test_what_refers_to_the_key_is_guarded_all_the_time(project: Project) -> None:
    shop(project, 3)
    for _ in range(3):
        project.manage("migrate")
        with project.connect() as connection, pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute("INSERT INTO shop_order (customer_id, total) VALUES (77, 1)")


def test_sqlmigrate_prints_what_will_run(project: Project) -> None:
    shop(project, 3)
    expand = project.manage("sqlmigrate", "shop", "0002").stdout
    hidden = "zero_downtime_customer_id"
    assert 'ALTER TABLE "shop_customer" ADD COLUMN "zero_downtime_id" bigint;' in expand
    assert f'ALTER TABLE "shop_order" ADD COLUMN "{hidden}" bigint;' in expand
    switch = project.manage("sqlmigrate", "shop", "0004").stdout
    assert f'ALTER TABLE "shop_order" RENAME COLUMN "{hidden}" TO "customer_id";' in switch
    assert 'PRIMARY KEY USING INDEX "zero_downtime_shop_customer_pkey";' in switch
    assert 'ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME "public"' in switch
    contract = project.manage("sqlmigrate", "shop", "0005").stdout
    assert f'ALTER TABLE "shop_club_members" DROP COLUMN "{hidden}";' in contract


ANIMAL = """
    migrations.CreateModel(
        "Animal",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("owner", models.ForeignKey("shop.customer", models.CASCADE)),
        ],
    ),
"""
ZOO = """
    from django.db import models

    class Animal(models.Model):
        owner = models.ForeignKey("shop.Customer", models.CASCADE)
"""


@pytest.mark.parametrize("last", ["0002", "0004", "0005"])
def test_back_with_a_follower_in_an_app_that_is_taken_back_later(
    project: Project, last: str
) -> None:
    """Django takes back one app after the other: its state knows nothing of the zoo by then."""
    write_small_keys(project)
    project.add_app("zoo")
    project.write("zoo/migrations/__init__.py")
    project.write("zoo/models.py", ZOO)
    project.write_migration("0001_initial", ANIMAL, [("shop", "0001_initial")], app="zoo")
    project.manage("migrate")
    insert_customers(project, 3)
    with project.connect() as connection:
        connection.execute("INSERT INTO zoo_animal (owner_id) VALUES (1), (2)")
    write_bigger_keys(project)
    for _ in range(3):
        project.manage("migrate", "shop", last)
    assert applied(project)[-1] == last

    project.manage("migrate", "shop", "0001")

    assert project.rows(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_name = 'zoo_animal' ORDER BY 1"
    ) == [("id", "bigint"), ("owner_id", "integer")]
    assert project.rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert project.rows("SELECT owner_id FROM zoo_animal ORDER BY 1") == [(1,), (2,)]
    assert key_types(project) == OLD
