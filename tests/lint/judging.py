"""Judge operations in memory, on top of a small shop whose tables exist and are in use."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from zero_downtime.lint.findings import Finding
from zero_downtime.lint.judge import judge_ordered
from zero_downtime.lint.registry import get_rule

SHOP: list[Operation] = [
    migrations.CreateModel(
        "Customer",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=100)),
            ("email", models.EmailField(db_column="mail", unique=True)),
        ],
    ),
    migrations.CreateModel("Tag", fields=[("id", models.BigAutoField(primary_key=True))]),
    migrations.CreateModel("Basket", fields=[("id", models.BigAutoField(primary_key=True))]),
    migrations.CreateModel(
        "Order",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("customer", models.ForeignKey("shop.Customer", models.CASCADE)),
            ("number", models.IntegerField()),
            ("status", models.CharField(max_length=10)),
            ("note", models.TextField(null=True)),
            ("tags", models.ManyToManyField("shop.Tag")),
        ],
    ),
    migrations.CreateModel(
        "LegacyOrder",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("note", models.TextField(null=True)),
        ],
        options={"managed": False},
    ),
]


def migration(name: str, *operations: Operation, **attributes: Any) -> Migration:
    """Return a migration of the app `shop`; `attributes` are those of its class."""
    attributes["operations"] = operations
    made: type[Migration] = type("Migration", (Migration,), attributes)
    return made(name, "shop")


def run_sql(*texts: str) -> migrations.RunSQL:
    """Return an operation that sends the texts one by one, and can be taken back."""
    return migrations.RunSQL(list(texts), migrations.RunSQL.noop)


def in_state_only(*operations: Operation) -> Operation:
    return migrations.SeparateDatabaseAndState(state_operations=operations)


def in_database_only(*operations: Operation) -> Operation:
    return migrations.SeparateDatabaseAndState(database_operations=operations)


def create_refund(**fields: models.Field[Any, Any]) -> migrations.CreateModel:
    """Return what makes a new table, `shop_refund`."""
    key = ("id", models.BigAutoField(primary_key=True))
    return migrations.CreateModel("Refund", [key, *fields.items()])


def judge_all(
    *migrations_in_order: Migration, together: bool = False, rule: str | None = None
) -> list[Finding]:
    """Return what all rules, or the one, find in migrations that come after the shop's first."""
    return judge_ordered(
        [migration("0001_initial", *SHOP), *migrations_in_order],
        ProjectState(),
        judged=migrations_in_order,
        rules=[get_rule(rule)] if rule else None,
        together=together,
    )


def judge(*operations: Operation, atomic: bool = True, rule: str | None = None) -> list[Finding]:
    """Return what all rules, or the one, find in one migration with these operations."""
    return judge_all(migration("0002_change", *operations, atomic=atomic), rule=rule)


def codes(findings: list[Finding]) -> list[str]:
    """Return the codes of the rules that were met."""
    return [finding.rule for finding in findings]
