"""What rights migrations need, and what is said when the role has not got them."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.contrib.postgres.operations import CreateExtension
from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import F

from tests.lint.judging import SHOP, create_refund, migration, run_sql
from tests.support.roles import ordinary_role
from zero_downtime import operations as zd
from zero_downtime.errors import Refused
from zero_downtime.guard import rights
from zero_downtime.guard.rights import Needs, needs_of, needs_of_way_back
from zero_downtime.lint.walk import Step, walk

INDEX = models.Index(fields=["number"], name="number_idx")
ADD_INDEX = zd.AddIndexConcurrently("order", INDEX)
REFUND = create_refund(customer=models.ForeignKey("shop.Customer", models.CASCADE))


def steps(*operations: Operation) -> list[Step]:
    change = migration("0002_change", *operations, atomic=False)
    first = migration("0001_initial", *SHOP)
    return list(walk([first, change], ProjectState(), judged=[change], together=True))


def on_tables(needs: Needs) -> list[tuple[str, str]]:
    """Return what is needed on tables besides those of our own, and of Django's record."""
    return [
        (table, " or ".join(any_of))
        for (table, any_of), who in needs.on_tables.items()
        if who != rights.THE_COMMAND
    ]


# What is needed


@pytest.mark.parametrize(
    ("operation", "needed"),
    [
        (ADD_INDEX, [("shop_order", "OWNER")]),
        (migrations.AddField("order", "x", models.IntegerField()), [("shop_order", "OWNER")]),
        (REFUND, [("shop_customer", "REFERENCES")]),
        (
            zd.BackfillField("order", "number", F("id")),
            [("shop_order", "INSERT or UPDATE or DELETE")],
        ),
        (
            zd.ExpandRenameField("order", "number", "no"),
            [("shop_order", "OWNER"), ("shop_order", "TRIGGER")],
        ),
        (run_sql("TRUNCATE shop_basket"), [("shop_basket", "TRUNCATE")]),
        (migrations.AlterModelOptions("order", {}), []),
    ],
)
def test_what_an_operation_does_decides(
    operation: Operation, needed: list[tuple[str, str]]
) -> None:
    assert on_tables(needs_of(steps(operation))) == needed


def test_a_table_that_the_migrations_make_is_ours() -> None:
    index = migrations.AddIndex("refund", models.Index(fields=["customer"], name="i"))
    needs = needs_of(steps(REFUND, index))

    assert on_tables(needs) == [("shop_customer", "REFERENCES")]
    assert needs.creating == {"shop_refund": "shop.0002_change"}


def test_the_way_back_takes_the_tables_of_the_models() -> None:
    assert on_tables(needs_of_way_back(steps(REFUND, ADD_INDEX))) == [
        ("shop_refund", "OWNER"),
        ("shop_order", "OWNER"),
        ("shop_order_tags", "OWNER"),
    ]


# What the server says


@pytest.fixture
def role(connection: BaseDatabaseWrapper, pg: psycopg.Connection) -> Iterator[str]:
    """An ordinary role, quoted, that `connection` is; the shop's tables are another's."""
    pg.execute("CREATE TABLE shop_customer (id bigint PRIMARY KEY)")
    pg.execute("CREATE TABLE shop_order (id bigint PRIMARY KEY)")
    with ordinary_role(connection, pg) as role:
        try:
            yield role
        finally:
            connection.close()
            pg.execute(f"DROP OWNED BY {role}")


def refusal(connection: BaseDatabaseWrapper, *operations: Operation) -> list[str]:
    """Return the lines of the refusal, but for the first and the last."""
    with pytest.raises(Refused) as refused:
        needs_of(steps(*operations)).require(connection)
    _, *lines, _ = str(refused.value).splitlines()
    return [line.strip() for line in lines if line.startswith("  ")]


def owner_of(pg: psycopg.Connection) -> str:
    return f'"{pg.info.user}"'


def test_only_the_owner_may_alter_a_table(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, role: str
) -> None:
    pg.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
    owner = owner_of(pg)

    assert refusal(connection, ADD_INDEX) == [
        f'shop.0002_change changes table "shop_order", which only its owner may: {owner}, '
        f"not {role}.",
        f"GRANT {owner} TO {role};",
    ]


def test_a_member_of_the_owning_role_may_as_well(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, role: str
) -> None:
    pg.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
    pg.execute(f"GRANT {owner_of(pg)} TO {role}")

    needs_of(steps(ADD_INDEX, REFUND)).require(connection)


def test_a_foreign_key_takes_a_privilege_on_the_table_that_it_points_at(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, role: str
) -> None:
    pg.execute(f"GRANT CREATE ON SCHEMA public TO {role}")

    assert refusal(connection, REFUND) == [
        f'shop.0002_change needs REFERENCES on table "shop_customer" of {owner_of(pg)}, which '
        f"{role} does not have.",
        f'GRANT REFERENCES ON "shop_customer" TO {role};',
    ]
    pg.execute(f"GRANT REFERENCES (id) ON shop_customer TO {role}")
    needs_of(steps(REFUND)).require(connection)


def test_what_is_granted_as_the_refusal_says_will_do(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, role: str
) -> None:
    """On a server whose schema `public` is open to all, the rest is what is missing."""
    pg.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    database = pg.info.dbname
    pg.execute(f'REVOKE TEMPORARY ON DATABASE "{database}" FROM PUBLIC')
    operations = ADD_INDEX, REFUND, zd.BackfillField("order", "number", F("id"))
    try:
        for line in refusal(connection, *operations):
            if line.startswith("GRANT"):
                pg.execute(line)
        needs_of(steps(*operations)).require(connection)
    finally:
        pg.execute(f'GRANT TEMPORARY ON DATABASE "{database}" TO PUBLIC')


def test_the_record_of_migrations_has_to_be_written(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, role: str
) -> None:
    pg.execute("CREATE TABLE django_migrations ()")
    pg.execute(f"GRANT SELECT, DELETE ON django_migrations TO {role}")

    assert refusal(connection)[0].startswith('migrate needs INSERT on table "django_migrations"')


def test_a_table_in_another_schema(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, role: str
) -> None:
    pg.execute("CREATE SCHEMA crm")
    there = migrations.CreateModel(
        "There",
        [("id", models.BigAutoField(primary_key=True))],
        options={"db_table": '"crm"."there"'},
    )
    try:
        assert refusal(connection, there) == [
            f'shop.0002_change creates something in schema "crm", which {role} may not.',
            f'GRANT USAGE, CREATE ON SCHEMA "crm" TO {role};',
        ]
    finally:
        pg.execute("DROP SCHEMA crm")


def test_an_extension_takes_a_superuser_unless_it_is_trusted(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection, role: str
) -> None:
    [problem, remedy] = refusal(connection, CreateExtension("pageinspect"))
    assert problem.endswith('creates extension "pageinspect", which only a superuser may.')
    assert remedy == 'CREATE EXTENSION "pageinspect";'

    [problem, remedy] = refusal(connection, CreateExtension("hstore"))
    pg.execute(remedy)
    needs_of(steps(CreateExtension("hstore"))).require(connection)


def test_nothing_is_missing_where_there_is_no_table_yet(
    connection: BaseDatabaseWrapper, pg: psycopg.Connection
) -> None:
    with ordinary_role(connection, pg) as role:
        pg.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
        needs_of(steps(ADD_INDEX, REFUND)).require(connection)
        pg.execute(f"DROP OWNED BY {role}")


def test_a_superuser_may_do_anything(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE shop_order ()")
    needs_of(steps(ADD_INDEX, REFUND, CreateExtension("pageinspect"))).require(connection)
