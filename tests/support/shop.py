"""The shop that many tests migrate: one table, `shop_user`, whose column `name` is renamed."""

from __future__ import annotations

from typing import Any

from tests.support.project import Project

USER = """
    from django.db import models

    class User(models.Model):
        {name} = models.CharField(max_length=100)
        age = models.IntegerField(default=0)
"""

INITIAL = """
    migrations.CreateModel(
        "User",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=100)),
            ("age", models.IntegerField(default=0)),
        ],
    ),
"""


def write_shop(project: Project) -> None:
    """Release 1: the model knows `name`."""
    project.write("shop/models.py", USER.format(name="name"))
    project.write_migration("0001_initial", INITIAL)


def write_rename(project: Project) -> None:
    """Release 2: the model knows `full_name`; three migrations lead there."""
    project.write("shop/models.py", USER.format(name="full_name"))
    for number, step, operation in [
        (2, "expand", 'zd.ExpandRenameField("user", "name", "full_name")'),
        (3, "backfill", 'zd.BackfillField("user", "full_name")'),
        (4, "contract", 'zd.ContractRenameField("user", "name", "full_name")'),
    ]:
        project.write_migration(
            f"000{number}_rename_name_{step}",
            f"{operation},",
            dependencies=[("shop", PREVIOUS[number])],
            atomic=False,
        )


PREVIOUS = {2: "0001_initial", 3: "0002_rename_name_expand", 4: "0003_rename_name_backfill"}


def insert_users(project: Project, count: int) -> None:
    """Insert `count` users by the old name, with keys 1, 2, 3 and so on."""
    with project.connect() as connection:
        connection.execute(
            "INSERT INTO shop_user (name, age) "
            "SELECT 'name ' || n, n %% 90 FROM generate_series(1, %s) AS n",
            [count],
        )


def columns(project: Project) -> list[str]:
    """Return the columns of `shop_user` in order."""
    return [
        name
        for (name,) in project.rows(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = 'shop_user' ORDER BY ordinal_position"
        )
    ]


def applied(project: Project) -> list[str]:
    """Return the numbers of the applied migrations of the shop."""
    rows: list[tuple[Any, ...]] = project.rows(
        "SELECT left(name, 4) FROM django_migrations WHERE app = 'shop' ORDER BY name"
    )
    return [number for (number,) in rows]


def journal(project: Project) -> list[tuple[str, str]]:
    """Return number and outcome of the shop's migrations as the journal has them."""
    rows: list[tuple[Any, ...]] = project.rows(
        "SELECT left(name, 4), outcome FROM zero_downtime_journalentry "
        "WHERE app_label = 'shop' ORDER BY id"
    )
    return [(number, outcome) for number, outcome in rows]
