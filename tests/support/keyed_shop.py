"""Shops whose keys change their type, with the tables that refer to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import migrations, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.operations.test_same_schema import forwards
from tests.support.django_database import create_own_tables
from tests.support.schema import read_schema
from zero_downtime import operations as zd
from zero_downtime.postgres.shapes import read_shape

Auto, BigAuto = models.AutoField, models.BigAutoField


def model(name: str, *fields: tuple[str, Any], **kwargs: Any) -> Operation:
    """Return the operation that creates a model, whose key is a `BigAutoField` if none is given."""
    has_key = any(field.primary_key for _, field in fields)
    key = [] if has_key else [("id", BigAuto(primary_key=True))]
    return migrations.CreateModel(name, [*key, *fields], **kwargs)


def child(name: str, parent: str, *fields: tuple[str, Any]) -> Operation:
    """Return the operation that creates a model that inherits from another one."""
    link = one_to(parent, parent_link=True, primary_key=True)
    return model(name, (f"{parent.lower()}_ptr", link), *fields, bases=(f"shop.{parent.lower()}",))


def to(target: str, **kwargs: Any) -> Any:
    return models.ForeignKey(f"shop.{target}", models.CASCADE, **kwargs)


def one_to(target: str, **kwargs: Any) -> Any:
    return models.OneToOneField(f"shop.{target}", models.CASCADE, **kwargs)


def many_to(target: str, **kwargs: Any) -> Any:
    return models.ManyToManyField(f"shop.{target}", **kwargs)


@dataclass(frozen=True)
class Case:
    """One change of the type of a field that others refer to.

    Args:
        name: of the customer's field.
        rows: SQL that fills the tables.
        made_by: SQL that makes the tables what they are, where no migration does.
        next_key: what the row inserted next gets as its key; None if it does not number them.
    """

    id: str
    start: Sequence[Operation]
    name: str
    new: Any
    rows: str
    made_by: str = ""
    next_key: int | None = 4

    def steps(self) -> tuple[Operation, Operation, Operation]:
        arguments = ("customer", self.name, self.new)
        return (
            zd.ExpandAlterField(*arguments),
            zd.SwitchAlterField(*arguments),
            zd.ContractAlterField(*arguments),
        )

    def stock(self) -> Operation:
        return migrations.AlterField("customer", self.name, self.new)


CUSTOMER = model("Customer", ("id", Auto(primary_key=True)), ("name", models.TextField()))
CUSTOMERS = "INSERT INTO shop_customer (name) VALUES ('a'), ('b'), ('c');"
SERIAL = """
    ALTER TABLE shop_customer ALTER COLUMN id DROP IDENTITY;
    CREATE SEQUENCE shop_customer_id_seq AS integer OWNED BY shop_customer.id;
    ALTER TABLE shop_customer ALTER COLUMN id SET DEFAULT nextval('shop_customer_id_seq');
"""
BIG = BigAuto(primary_key=True)
UUIDS = [f"6ba7b81{n}-9dad-11d1-80b4-00c04fd430c8" for n in range(3)]

CASES = [
    Case("alone", [CUSTOMER], "id", BIG, CUSTOMERS),
    Case("alone serial", [CUSTOMER], "id", BIG, CUSTOMERS, SERIAL),
    Case(
        "referenced",
        [
            CUSTOMER,
            model("Order", ("customer", to("customer"))),
            model("Visit", ("customer", to("customer", null=True)), ("by", to("customer"))),
            model("Card", ("customer", one_to("customer"))),
            model("Note", ("customer", one_to("customer", primary_key=True))),
        ],
        "id",
        BIG,
        f"""{CUSTOMERS}
        INSERT INTO shop_order (customer_id) VALUES (1), (1), (3);
        INSERT INTO shop_visit (customer_id, by_id) VALUES (1, 2), (NULL, 3);
        INSERT INTO shop_card (customer_id) VALUES (1), (2);
        INSERT INTO shop_note (customer_id) VALUES (2), (3);
        """,
    ),
    Case(
        "serial referenced",
        [CUSTOMER, model("Order", ("customer", to("customer")))],
        "id",
        BIG,
        f"{CUSTOMERS} INSERT INTO shop_order (customer_id) VALUES (1), (1), (3);",
        SERIAL,
    ),
    Case(
        "itself",
        [
            model(
                "Customer",
                ("id", Auto(primary_key=True)),
                ("name", models.TextField()),
                ("guide", to("customer", null=True)),
                ("friends", many_to("customer")),
            )
        ],
        "id",
        BIG,
        f"""{CUSTOMERS} UPDATE shop_customer SET guide_id = 1 WHERE id > 1;
        INSERT INTO shop_customer_friends (from_customer_id, to_customer_id) VALUES (1, 2), (2, 1);
        """,
    ),
    Case(
        "many to many",
        [
            model("Shelf"),
            model(
                "Customer",
                ("id", Auto(primary_key=True)),
                ("name", models.TextField()),
                ("shelves", many_to("shelf")),
            ),
            model("Club", ("members", many_to("customer"))),
            model(
                "Share",
                ("customer", to("customer")),
                ("club", to("club")),
                options={
                    "unique_together": {("customer", "club")},
                    "indexes": [models.Index(fields=["club", "-customer"], name="by_club")],
                    "constraints": [
                        models.UniqueConstraint(
                            fields=["club"],
                            condition=models.Q(customer__gt=2),
                            name="one_of_the_new",
                        ),
                        models.CheckConstraint(
                            condition=models.Q(customer__gt=0), name="customer_counts"
                        ),
                    ],
                },
            ),
        ],
        "id",
        BIG,
        f"""{CUSTOMERS} INSERT INTO shop_shelf VALUES (1); INSERT INTO shop_club VALUES (1), (2);
        INSERT INTO shop_customer_shelves (customer_id, shelf_id) VALUES (1, 1), (2, 1);
        INSERT INTO shop_club_members (customer_id, club_id) VALUES (1, 1), (1, 2), (3, 1);
        INSERT INTO shop_share (customer_id, club_id) VALUES (1, 1), (3, 2);
        """,
    ),
    Case(
        "children",
        [
            CUSTOMER,
            child("Regular", "Customer", ("discount", models.FloatField())),
            child("Patron", "Regular", ("title", models.TextField())),
            model("Gift", ("patron", to("patron")), ("regular", to("regular", null=True))),
        ],
        "id",
        BIG,
        f"""{CUSTOMERS} INSERT INTO shop_regular VALUES (1, 0.1), (2, 0.2);
        INSERT INTO shop_patron VALUES (2, 'Sir');
        INSERT INTO shop_gift (patron_id, regular_id) VALUES (2, 1), (2, NULL);
        """,
    ),
    Case(
        "in a key of two columns",
        [
            CUSTOMER,
            model("Club"),
            migrations.CreateModel(
                "Stay",
                [
                    ("pk", models.CompositePrimaryKey("customer_id", "club_id")),
                    ("customer", to("customer")),
                    ("club", to("club")),
                ],
            ),
        ],
        "id",
        BIG,
        f"""{CUSTOMERS} INSERT INTO shop_club VALUES (1), (2);
        INSERT INTO shop_stay (customer_id, club_id) VALUES (1, 1), (1, 2), (3, 1);
        """,
    ),
    Case(
        "without a foreign key in the database",
        [CUSTOMER, model("Order", ("customer", to("customer", db_constraint=False)))],
        "id",
        BIG,
        f"{CUSTOMERS} INSERT INTO shop_order (customer_id) VALUES (1), (77);",
    ),
    Case(
        "by another field",
        [
            model("Customer", ("number", models.IntegerField(unique=True))),
            model("Order", ("customer", to("customer", to_field="number", db_column="who"))),
        ],
        "number",
        models.BigIntegerField(unique=True),
        """
        INSERT INTO shop_customer (number) VALUES (10), (20), (30);
        INSERT INTO shop_order (who) VALUES (10), (10), (30);
        """,
        next_key=None,
    ),
    Case(
        "texts",
        [
            model("Customer", ("code", models.CharField(max_length=36, primary_key=True))),
            model("Order", ("customer", to("customer", null=True))),
        ],
        "code",
        models.UUIDField(primary_key=True),
        f"""
        INSERT INTO shop_customer VALUES ('{UUIDS[0]}'), ('{UUIDS[1]}'), ('{UUIDS[2]}');
        INSERT INTO shop_order (customer_id) VALUES ('{UUIDS[0]}'), ('{UUIDS[2]}'), (NULL);
        """,
        next_key=None,
    ),
]


def create(connection: BaseDatabaseWrapper, case: Case) -> ProjectState:
    """Make the shop, anew, with its rows."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    create_own_tables(connection)
    state = ProjectState()
    for operation in case.start:
        state = forwards(connection, operation, state)
    with connection.cursor() as cursor:
        cursor.execute(f"{case.made_by} {case.rows}")
    return state


def schema(connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    """Return the schema of the shop's tables, without the places of columns, nor what is ours."""
    own = [table for table in connection.introspection.table_names() if "zero_downtime" in table]
    shown = [
        (row[0], row[1], *row[3:]) if row[0] == "column" else row
        for row in read_schema(connection, own)
        if not str(row[1]).startswith("zero_downtime_")
    ]
    return sorted([*shown, *_not_null(connection)], key=repr)


def _not_null(connection: BaseDatabaseWrapper) -> list[tuple[Any, ...]]:
    """Return the names of NOT NULL constraints, which are there from PostgreSQL 18 on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 'not null', conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE contype = 'n' AND conrelid::regclass::text LIKE 'shop%'"
        )
        return list(cursor.fetchall())


def rows(connection: BaseDatabaseWrapper, state: ProjectState) -> dict[str, list[tuple[str, ...]]]:
    """Return all rows of all tables as texts."""
    found = {}
    models: list[Any] = state.apps.get_models(include_auto_created=True)
    for each in models:
        columns = ", ".join(f'"{field.column}"::text' for field in each._meta.local_concrete_fields)
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(each._meta.db_table)
            cursor.execute(f"SELECT {columns} FROM {table}")
            found[each._meta.db_table] = sorted(cursor.fetchall(), key=repr)
    return found


def visible(
    connection: BaseDatabaseWrapper, state: ProjectState
) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what the tables look like to those who do not see what is hidden."""
    models: list[Any] = state.apps.get_models(include_auto_created=True)
    found = {}
    for table in (model._meta.db_table for model in models):
        shape = read_shape(connection, table)
        for kind in ("columns", "indexes", "constraints"):
            found[table, kind] = {
                name: each
                for name, each in getattr(shape, kind).items()
                if not name.startswith("zero_downtime_")
            }
    return found


def insert_customer(connection: BaseDatabaseWrapper) -> int:
    """Insert a customer and return its key."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO shop_customer (name) VALUES ('new') RETURNING id")
        return int(cursor.fetchone()[0])
