"""A shop whose users' `age` changes its type, in four migrations."""

from __future__ import annotations

from tests.support.project import Project

USER = """
    from django.db import models

    class User(models.Model):
        name = models.CharField(max_length=100)
        age = {field}
"""

INITIAL = """
    migrations.CreateModel(
        "User",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=100)),
            ("age", {field}),
        ],
    ),
"""

TEXT = "models.CharField(max_length=20)"
NUMBER = "models.IntegerField()"


def write_untyped_shop(project: Project, field: str = TEXT) -> None:
    """Release 1."""
    project.write("shop/models.py", USER.format(field=field))
    project.write_migration("0001_initial", INITIAL.format(field=field))


def write_retyping(project: Project, field: str = NUMBER, ways: str = "") -> None:
    """Release 2: four migrations give `age` the type of `field`."""
    project.write("shop/models.py", USER.format(field=field))
    arguments = f'"user", "age", {field}{ways}'
    previous = "0001_initial"
    for number, step, operation in [
        (2, "expand", f"zd.ExpandAlterField({arguments})"),
        (3, "backfill", 'zd.BackfillField("user", "age")'),
        (4, "switch", f"zd.SwitchAlterField({arguments})"),
        (5, "contract", f"zd.ContractAlterField({arguments})"),
    ]:
        name = f"000{number}_alter_age_{step}"
        project.write_migration(name, f"{operation},", [("shop", previous)], atomic=False)
        previous = name


def insert_ages(project: Project, *ages: str | int) -> None:
    """Insert a user of each age, with keys 1, 2, 3 and so on."""
    with project.connect() as connection:
        for number, age in enumerate(ages, start=1):
            connection.execute(
                "INSERT INTO shop_user (name, age) VALUES (%s, %s)", [f"user {number}", age]
            )


def ages(project: Project) -> list[str | int | None]:
    return [age for (age,) in project.rows("SELECT age FROM shop_user ORDER BY id")]
