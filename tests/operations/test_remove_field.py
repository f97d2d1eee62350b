"""Removing a field over two deploys, as a user types it."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.project import Project
from tests.support.schema import read_schema
from tests.support.shop import applied

NO_WAITING = {"CONTRACT_QUIET": 0}

INITIAL = """
    migrations.CreateModel(
        "Customer", fields=[("id", models.BigAutoField(primary_key=True))],
    ),
    migrations.CreateModel("Tag", fields=[("id", models.BigAutoField(primary_key=True))]),
    migrations.CreateModel(
        "Order",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("total", models.IntegerField(default=0)),
            ("going", {field}),
        ],
    ),
"""

NOTE = "models.CharField(max_length=50)"


def write_shop(project: Project, field: str = NOTE) -> None:
    project.write_migration("0001_initial", INITIAL.format(field=field))


def write_removal(project: Project, arguments: str = "") -> None:
    for name, operation, previous in [
        ("0002_expand", "ExpandRemoveField", "0001_initial"),
        ("0003_contract", "ContractRemoveField", "0002_expand"),
    ]:
        project.write_migration(
            name,
            f'zd.{operation}("order", "going"{arguments}),',
            dependencies=[("shop", previous)],
            atomic=False,
        )


def columns(project: Project) -> list[str]:
    return [
        name
        for (name,) in project.rows(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'shop_order'::regclass "
            "AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
    ]


def expanded(
    project: Project, field: str = NOTE, arguments: str = "", rows: str = "(1, 1, 'a')"
) -> psycopg.Connection:
    """A shop with orders of old code, whose removal is expanded; return a connection to it."""
    write_shop(project, field)
    project.manage("migrate")
    connection = project.connect()
    connection.execute(f"INSERT INTO shop_order VALUES {rows}")
    write_removal(project, arguments)
    project.manage("migrate", settings=NO_WAITING)
    assert applied(project) == ["0001", "0002"]
    return connection


def schema(project: Project) -> list[str]:
    """What the catalogs say of the shop's tables, but for the places of columns."""
    with project.connect() as connection:
        rows = read_schema(connection)  # type: ignore[arg-type]
    of_the_shop = [row for row in rows if "shop_" in str(row)]
    return sorted(str(row[:2] + row[3:]) if row[0] == "column" else str(row) for row in of_the_shop)


def test_a_fresh_database_gets_everything_in_one_go(project: Project) -> None:
    write_shop(project)
    write_removal(project)
    project.manage("migrate")
    assert applied(project) == ["0001", "0002", "0003"]
    assert columns(project) == ["id", "total"]


def test_old_and_new_code_insert_until_the_contract(project: Project) -> None:
    connection = expanded(project)
    connection.execute("INSERT INTO shop_order (id, total, going) VALUES (2, 1, 'old code')")
    connection.execute("INSERT INTO shop_order (id, total) VALUES (3, 1)")

    project.manage("migrate", settings=NO_WAITING)

    assert applied(project) == ["0001", "0002", "0003"]
    assert columns(project) == ["id", "total"]
    assert project.rows("SELECT id FROM shop_order ORDER BY id") == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (NOTE, None),
        ("models.CharField(max_length=50, default='none')", "none"),
        ("models.CharField(max_length=50, blank=True)", ""),
        ("models.CharField(max_length=50, default='x', unique=True)", None),
        ("models.CharField(max_length=50, null=True, default='x')", None),
        ("models.CharField(max_length=50, db_default='db')", "db"),
    ],
)
def test_old_code_finds_the_default_in_rows_of_new_code(
    project: Project, field: str, found: str | None
) -> None:
    connection = expanded(project, field)
    connection.execute("INSERT INTO shop_order (id, total) VALUES (2, 1)")
    assert project.rows("SELECT going FROM shop_order WHERE id = 2") == [(found,)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO shop_order (id, total, going) VALUES (2, 1, 'old')",
        "UPDATE shop_order SET going = 'old'",
    ],
)
@pytest.mark.parametrize("field", [NOTE, "models.CharField(max_length=50, default='none')"])
def test_the_contract_waits_until_old_code_is_quiet(
    project: Project, field: str, statement: str
) -> None:
    connection = expanded(project, field)
    connection.execute(statement)
    held = project.manage("migrate", settings={"CONTRACT_QUIET": 600})
    assert applied(project) == ["0001", "0002"]
    assert "old code last wrote 'going'" in held.stdout


@pytest.mark.parametrize(
    "field",
    [
        NOTE,
        "models.CharField(max_length=50, default='none')",
        "models.DateField(auto_now_add=True)",
    ],
)
def test_the_contract_does_not_wait_for_new_code(project: Project, field: str) -> None:
    connection = expanded(project, field, rows="(1, 1, '2020-01-01')")
    connection.execute("INSERT INTO shop_order (id, total) VALUES (2, 1)")
    connection.execute("UPDATE shop_order SET total = 7")
    project.manage("migrate", settings={"CONTRACT_QUIET": 600})
    assert applied(project) == ["0001", "0002", "0003"]


FOREIGN_KEY = "models.ForeignKey('shop.Customer', models.CASCADE)"


def test_new_code_deletes_what_a_removed_foreign_key_refers_to(project: Project) -> None:
    write_shop(project, FOREIGN_KEY)
    project.manage("migrate")
    connection = project.connect()
    connection.execute("INSERT INTO shop_customer VALUES (7), (8)")
    connection.execute("INSERT INTO shop_order VALUES (1, 1, 7), (2, 1, 8)")
    write_removal(project)
    project.manage("migrate", settings=NO_WAITING)

    connection.execute("DELETE FROM shop_customer WHERE id = 7")
    assert project.rows("SELECT * FROM shop_order ORDER BY id") == [(1, 1, None), (2, 1, 8)]

    project.manage("migrate", settings=NO_WAITING)
    assert columns(project) == ["id", "total"]


def test_new_code_deletes_what_a_removed_many_to_many_field_refers_to(project: Project) -> None:
    write_shop(project, "models.ManyToManyField('shop.Tag')")
    project.manage("migrate")
    connection = project.connect()
    connection.execute("INSERT INTO shop_tag VALUES (7), (8)")
    connection.execute("INSERT INTO shop_order VALUES (1, 1), (2, 1)")
    connection.execute("INSERT INTO shop_order_going (order_id, tag_id) VALUES (1, 7), (2, 8)")
    write_removal(project)
    project.manage("migrate", settings=NO_WAITING)

    connection.execute("DELETE FROM shop_tag WHERE id = 7")
    connection.execute("DELETE FROM shop_order WHERE id = 2")
    assert project.rows("SELECT count(*) FROM shop_order_going") == [(0,)]

    project.manage("migrate", settings=NO_WAITING)
    assert project.rows("SELECT to_regclass('shop_order_going')::text") == [(None,)]
    project.manage("migrate", "shop", "0001", settings=NO_WAITING)
    assert project.rows("SELECT count(*) FROM shop_order_going") == [(0,)]


FIELDS = [
    (NOTE, "'a'"),
    ("models.CharField(max_length=50, default='none', db_index=True)", "'a'"),
    ("models.CharField(max_length=50, unique=True)", "'a'"),
    ("models.PositiveIntegerField(null=True)", "5"),
    ("models.IntegerField(db_default=3)", "5"),
    ("models.DateTimeField(auto_now=True)", "'2020-01-01'"),
    (FOREIGN_KEY, "1"),
    ("models.OneToOneField('shop.Customer', models.CASCADE)", "1"),
]


@pytest.mark.parametrize(("field", "value"), FIELDS)
def test_the_schema_is_that_of_the_stock_operation_and_the_way_back_leads_to_the_first(
    project: Project, field: str, value: str
) -> None:
    write_shop(project, field)
    project.manage("migrate")
    before = schema(project)
    project.write_migration(
        "0002_stock",
        'migrations.RemoveField("order", "going"),',
        dependencies=[("shop", "0001_initial")],
    )
    project.manage("migrate")
    stock = schema(project)
    project.manage("migrate", "shop", "0001")
    (project.directory / "shop/migrations/0002_stock.py").unlink()
    connection = project.connect()
    connection.execute("INSERT INTO shop_customer VALUES (1)")
    connection.execute(f"INSERT INTO shop_order VALUES (1, 1, {value})")
    write_removal(project, ", archive=True")

    project.manage("migrate", settings=NO_WAITING)
    project.manage("migrate", "shop", "0001", settings=NO_WAITING)
    assert schema(project) == before

    project.manage("migrate", settings=NO_WAITING)
    project.manage("migrate", settings=NO_WAITING)
    archive = [row for row in schema(project) if "_archive" in row]
    assert archive
    assert [row for row in schema(project) if row not in archive] == stock

    project.manage("migrate", "shop", "0002", settings=NO_WAITING)
    project.manage("migrate", "shop", "0001", settings=NO_WAITING)
    assert schema(project) == before
    assert project.rows(
        f"SELECT count(*) FROM shop_order WHERE {columns(project)[-1]} = {value}"
    ) == [(1,)]


def test_an_archive_brings_every_value_back(project: Project) -> None:
    connection = expanded(project, arguments=", archive=True", rows="(1, 1, 'a'), (2, 1, 'b')")
    connection.execute("INSERT INTO shop_order (id, total) VALUES (3, 1)")
    project.manage("migrate", settings=NO_WAITING)
    assert project.rows("SELECT * FROM shop_order_going_archive ORDER BY id") == [
        (1, "a"),
        (2, "b"),
        (3, None),
    ]
    connection.execute("DELETE FROM shop_order WHERE id = 2")
    connection.execute("INSERT INTO shop_order (id, total) VALUES (4, 1)")

    project.manage("migrate", "shop", "0002", settings=NO_WAITING)

    assert project.rows("SELECT id, going FROM shop_order ORDER BY id") == [
        (1, "a"),
        (3, None),
        (4, None),
    ]
    assert project.rows("SELECT to_regclass('shop_order_going_archive')::text") == [(None,)]


def test_an_archive_of_something_else_is_left_alone(project: Project) -> None:
    connection = expanded(project, arguments=", archive=True")
    connection.execute("CREATE TABLE shop_order_going_archive (id bigint, going integer)")
    refused = project.manage("migrate", settings=NO_WAITING, check=False)
    assert refused.returncode == 1
    assert '"shop_order_going_archive" is an archive already, of another column' in refused.stderr
    assert columns(project) == ["id", "total", "going"]


def test_going_back_to_not_null_says_which_rows_have_no_value(project: Project) -> None:
    connection = expanded(project)
    connection.execute("INSERT INTO shop_order (id, total) VALUES (2, 1)")
    refused = project.manage("migrate", "shop", "0001", check=False)
    assert refused.returncode == 1
    assert 'column "going" has NULLs' in refused.stderr
    connection.execute("UPDATE shop_order SET going = '' WHERE going IS NULL")
    project.manage("migrate", "shop", "0001")
    with pytest.raises(psycopg.errors.NotNullViolation):
        connection.execute("INSERT INTO shop_order (id, total) VALUES (3, 1)")


def test_a_column_that_a_view_shows_is_refused_by_name(project: Project) -> None:
    write_shop(project)
    project.manage("migrate")
    connection = project.connect()
    connection.execute("INSERT INTO shop_order VALUES (1, 1, 'a')")
    connection.execute("CREATE VIEW notes AS SELECT going FROM shop_order")
    write_removal(project)
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert "view notes would go with it" in refused.stderr
    assert applied(project) == ["0001"]
    connection.execute("DROP VIEW notes")
    project.manage("migrate")
    assert applied(project) == ["0001", "0002"]


def test_a_primary_key_is_refused(project: Project) -> None:
    write_shop(project, "models.CharField(max_length=50)")
    project.write_migration(
        "0002_expand",
        'zd.ExpandRemoveField("order", "id"),',
        dependencies=[("shop", "0001_initial")],
        atomic=False,
    )
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert 'Column "id" of table "shop_order" is in the primary key' in refused.stderr


def test_bad_names_get_one_line(project: Project) -> None:
    write_shop(project)
    write_removal(project)
    project.write_migration(
        "0002_expand",
        'zd.ExpandRemoveField("order", "goin"),',
        dependencies=[("shop", "0001_initial")],
        atomic=False,
    )
    refused = project.manage("migrate", check=False)
    assert refused.returncode == 1
    assert "shop.Order has no field 'goin'. Did you mean 'going'?" in refused.stderr
