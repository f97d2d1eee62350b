"""Which steps concern a database."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.migrations.state import ProjectState
from django.test import override_settings

from tests.lint.judging import SHOP, migration, run_sql
from zero_downtime.guard.walked import on_database
from zero_downtime.lint.walk import walk


class OrdersElsewhere:
    """Keeps orders, and what says that it is about them, in a database of their own."""

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool:
        return (model_name == "order" or hints.get("about") == "orders") == (db == "orders")


@override_settings(DATABASE_ROUTERS=[OrdersElsewhere()])
def test_routers_are_asked_as_the_operations_will() -> None:
    change = migration(
        "0002_change",
        migrations.AddField("order", "x", models.IntegerField(null=True)),
        migrations.AddField("customer", "x", models.IntegerField(null=True)),
        migrations.RunSQL("SELECT 1", hints={"about": "orders"}),
        run_sql("SELECT 1"),
    )
    first = migration("0001_initial", *SHOP)
    steps = list(walk([first, change], ProjectState(), judged=[change], together=True))

    assert [step.index for step in on_database(steps, "orders")] == [0, 2]
    assert [step.index for step in on_database(steps, "default")] == [1, 3]
