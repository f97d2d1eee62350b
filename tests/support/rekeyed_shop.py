"""A shop whose customers get a bigger key, with three tables that refer to them, in releases."""

from __future__ import annotations

from tests.support.project import Project

MODELS = """
    from django.db import models

    class Customer(models.Model):
        id = models.{key}(primary_key=True)
        name = models.CharField(max_length=100)
        guide = models.ForeignKey("self", models.SET_NULL, null=True)

    class Order(models.Model):
        customer = models.ForeignKey(Customer, models.CASCADE)
        total = models.IntegerField(default=0)

    class Card(models.Model):
        customer = models.OneToOneField(Customer, models.CASCADE, primary_key=True)
        color = models.CharField(max_length=10, default="")

    class Club(models.Model):
        members = models.ManyToManyField(Customer)
"""

INITIAL = """
    migrations.CreateModel(
        "Customer",
        fields=[
            ("id", models.AutoField(primary_key=True)),
            ("name", models.CharField(max_length=100)),
            ("guide", models.ForeignKey("shop.customer", models.SET_NULL, null=True)),
        ],
    ),
    migrations.CreateModel(
        "Order",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("customer", models.ForeignKey("shop.customer", models.CASCADE)),
            ("total", models.IntegerField(default=0)),
        ],
    ),
    migrations.CreateModel(
        "Card",
        fields=[
            ("customer", models.OneToOneField("shop.customer", models.CASCADE, primary_key=True)),
            ("color", models.CharField(max_length=10, default="")),
        ],
    ),
    migrations.CreateModel(
        "Club",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("members", models.ManyToManyField("shop.customer")),
        ],
    ),
"""

KEY = '"customer", "id", models.BigAutoField(primary_key=True)'
BACKFILL = "shop.0003_alter_id_backfill"
# The columns that have the type of the key, by table.
FAMILY = {
    "shop_customer": ["id", "guide_id"],
    "shop_order": ["customer_id"],
    "shop_card": ["customer_id"],
    "shop_club_members": ["customer_id"],
}


def write_small_keys(project: Project) -> None:
    """Release 1."""
    project.write("shop/models.py", MODELS.format(key="AutoField"))
    project.write_migration("0001_initial", INITIAL)


def write_bigger_keys(project: Project) -> None:
    """Release 2: four migrations give the customers a bigger key."""
    project.write("shop/models.py", MODELS.format(key="BigAutoField"))
    previous = "0001_initial"
    for number, step, operation in [
        (2, "expand", f"zd.ExpandAlterField({KEY})"),
        (3, "backfill", 'zd.BackfillField("customer", "id")'),
        (4, "switch", f"zd.SwitchAlterField({KEY})"),
        (5, "contract", f"zd.ContractAlterField({KEY})"),
    ]:
        name = f"000{number}_alter_id_{step}"
        project.write_migration(name, f"{operation},", [("shop", previous)], atomic=False)
        previous = name


def insert_customers(project: Project, count: int) -> None:
    """Insert customers, each with an order, a card, a guide and a club."""
    with project.connect() as connection:
        connection.execute(
            f"""
            INSERT INTO shop_customer (name) SELECT 'c ' || n FROM generate_series(1, {count}) n;
            UPDATE shop_customer SET guide_id = id - 1 WHERE id > 1;
            INSERT INTO shop_order (customer_id, total) SELECT id, id FROM shop_customer;
            INSERT INTO shop_card (customer_id, color) SELECT id, 'red' FROM shop_customer;
            INSERT INTO shop_club (id) VALUES (1);
            INSERT INTO shop_club_members (club_id, customer_id) SELECT 1, id FROM shop_customer;
            """.encode()
        )


def key_types(project: Project) -> dict[str, set[str]]:
    """Return the types of the columns that hold keys of customers, by table."""
    return {
        table: {
            type_
            for (type_,) in project.rows(
                "SELECT data_type FROM information_schema.columns "
                f"WHERE table_name = '{table}' AND column_name IN ({_listed(names)})"
            )
        }
        for table, names in FAMILY.items()
    }


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
