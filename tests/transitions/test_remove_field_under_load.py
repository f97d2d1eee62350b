"""Code that has the fields and code that has not serve requests while they are removed."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import order_writer
from tests.support.project import Project
from tests.support.running_code import RunningCode
from tests.support.shop import applied

SETTINGS = {"CONTRACT_QUIET": 0}

MODELS = """
    from django.db import models

    class Customer(models.Model):
        pass

    class Order(models.Model):
        total = models.IntegerField()
"""
FIELDS = """
        customer = models.ForeignKey(Customer, models.CASCADE)
        priority = models.IntegerField(default=3)
"""
INITIAL = """
    migrations.CreateModel("Customer", fields=[("id", {key})]),
    migrations.CreateModel(
        "Order",
        fields=[
            ("id", {key}),
            ("total", models.IntegerField()),
            ("customer", models.ForeignKey("shop.Customer", models.CASCADE)),
            ("priority", models.IntegerField(default=3)),
        ],
    ),
""".format(
    key="models.BigAutoField(auto_created=True, primary_key=True, serialize=False, "
    "verbose_name='ID')"
)


def test_there_and_back_nothing_is_lost_and_nobody_fails(project: Project, tmp_path: Path) -> None:
    project.write("shop/models.py", MODELS + FIELDS)
    project.write_migration("0001_initial", INITIAL)
    project.manage("migrate")
    old_release = shutil.copytree(project.directory, tmp_path / "old_release")
    project.write("shop/models.py", MODELS)
    project.manage("makemigrations", "shop", "--name", "remove")
    old_code = RunningCode(project, old_release, order_writer)
    old_code.serve_some_more()

    project.manage("migrate", settings=SETTINGS)
    assert applied(project) == ["0001", "0002"]
    old_code.serve_some_more()
    new_code = RunningCode(project, project.directory, order_writer)
    new_code.serve_some_more()
    old_code.serve_some_more()
    written = old_code.stop()
    for last in (["0001", "0002", "0003"], ["0001", "0002"]):
        project.manage("migrate", "shop", last[-1], settings=SETTINGS)
        assert applied(project) == last
        new_code.serve_some_more()
    old_code = RunningCode(project, old_release, order_writer)
    old_code.serve_some_more()
    new_code.serve_some_more()
    written |= new_code.stop()
    written |= old_code.stop()

    in_database = dict(project.rows("SELECT id, total FROM shop_order"))
    assert in_database == written
